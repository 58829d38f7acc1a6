# Run `make help` for the list.
PYTHON ?= python3
PYTHON_3_10 ?= python3.10
BIN := .venv/bin

.PHONY: help demo test test-slow test-peers contract fidelity proof coverage screens bench wheel dictionary lint format setup develop lock audit clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s%s\n", $$1, $$2}' Makefile

demo: setup  ## run the main job end to end against local stand-ins of both services
	$(BIN)/clockbooks demo

test: develop  ## run the test suite, without the slow tests
	$(BIN)/python -m pytest -n 3 -m "not slow and not real"

test-slow: develop  ## run the slow tests, and look at many more examples of each rule
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -n 2 -m "hypothesis and not slow" --hypothesis-profile deep

test-peers: develop .peers/installed  ## run other people's clients against the stand-ins
	$(BIN)/python -m pytest -rPs tests/peers

contract: develop  ## hold the rules we rely on against the stand-ins and, with keys, the real services
	$(BIN)/python -m pytest -m "not slow" -rs tests/contract; code=$$?; \
		$(BIN)/python tests/support/fidelity.py > data/FIDELITY.md; exit $$code

fidelity: develop  ## write data/FIDELITY.md from the contract suite
	$(BIN)/python tests/support/fidelity.py > data/FIDELITY.md

# SEED=7 replays one history; HISTORIES=500 and MINUTES=30 say how many; both write data/PROOF.md.
proof: develop  ## play random histories among failures, and check each from outside
	$(BIN)/python tests/proof $(if $(SEED),--seed $(SEED)) $(if $(HISTORIES),--histories $(HISTORIES)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(HISTORIES)$(MINUTES),--report)

coverage: develop  ## measure which lines and branches `make test` runs; fails below the floor in pyproject.toml
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n 3 -m "not slow and not real"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

screens: develop  ## take the screenshots of docs/review.md, in Chromium
	SCREENS=data/screens $(BIN)/python -m pytest -m slow -k person tests/flows/review/test_review_in_a_browser.py

bench: develop  ## measure time and memory, and write data/BENCHMARKS.md
	$(BIN)/python tests/bench

wheel: setup  ## build the wheel into dist/, for machines without a clone
	$(BIN)/python -m hatchling build -t wheel

dictionary: setup  ## write data/DICTIONARY.md from the schemas
	$(BIN)/python -m schemas.dictionary > data/DICTIONARY.md

lint: develop  ## check style, types, the imports between the layers, and licenses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pip-licenses --summary

format: develop  ## fix style where a tool can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

setup: .venv/installed  ## install what the commands need into .venv

develop: .venv/developed  ## also install what tests and checks need

# --no-deps: the locks are complete, and name every file by its hash.
.venv/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	touch $@

.venv/developed: .venv/installed requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

# Airbyte's source needs a Python of its own, and node-quickbooks Node: where they are missing, so
# are these peers.
PEERS := tests/peers
INSTALL_PEERS := -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

.peers/installed: $(PEERS)/python.lock $(PEERS)/airbyte.lock $(PEERS)/package-lock.json
	$(PYTHON) -m venv .peers/python
	.peers/python/bin/python $(INSTALL_PEERS) -r $(PEERS)/python.lock
	if $(PYTHON_3_10) -m venv .peers/airbyte; then \
		.peers/airbyte/bin/python $(INSTALL_PEERS) -r $(PEERS)/airbyte.lock; fi
	if command -v npm >/dev/null; then mkdir -p .peers/node \
		&& cp $(PEERS)/package.json $(PEERS)/package-lock.json .peers/node \
		&& npm ci --silent --ignore-scripts --prefix .peers/node; fi
	touch $@

# Prefect 3.9.1 asks for a certifi younger than some registries serve; it is a bundle of
# certificates, and any recent one will do.
COMPILE := echo 'certifi>=2026.10.18' | $(BIN)/uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-annotate --upgrade --override - --custom-compile-command "make lock"

# What both locks name has one version: the first lock constrains the second.
lock: develop  ## renew the lock files; needs the network
	$(COMPILE) --group build pyproject.toml --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --group peers --output-file $(PEERS)/python.lock
	$(COMPILE) --group airbyte --python-version 3.10 --output-file $(PEERS)/airbyte.lock
	if command -v npm >/dev/null; then npm install --package-lock-only --ignore-scripts --prefix $(PEERS); fi

audit: develop  ## look up known vulnerabilities of what is locked; needs the network
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock -r requirements-dev.lock \
		|| { echo "No all-clear: the advisories are above, or an error that kept them from being looked up." >&2; exit 1; }

clean:  ## delete .venv, .peers and dist, and the database and key in data/
	rm -rf .venv .peers dist data/clockbooks.db* data/clockbooks.key data/prefect
