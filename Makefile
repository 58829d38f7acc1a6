# The commands a newcomer needs: make demo, make test, make lint, make bench.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow screens bench lint format setup develop lock audit clean

demo: setup  ## the main job, end to end, against local stand-ins of both services
	$(BIN)/clockbooks demo

test: develop  ## the whole suite; slow tests apart
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: develop  ## what takes longer than a developer waits
	$(BIN)/python -m pytest -m slow

screens: develop  ## photographs the review for the README, in Chromium
	SCREENS=data/screens $(BIN)/python -m pytest -m slow -k person tests/flows/test_review_in_a_browser.py

bench: develop  ## measures time and memory, and keeps the table in data/BENCHMARKS.md
	$(BIN)/python tests/bench

lint: develop  ## style, types, the arrows between the layers, and licenses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pip-licenses --summary

format: develop
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

setup: .venv/installed  ## what the commands need, and nothing else

develop: .venv/developed  ## and what tests and checks need

# --no-deps: the locks are complete, and name every file by its hash.
.venv/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	touch $@

.venv/developed: .venv/installed requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

# Prefect 3.9.1 asks for a certifi younger than some registries serve; it is a bundle of
# certificates, and any recent one will do.
COMPILE := echo 'certifi>=2026.10.18' | $(BIN)/uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-annotate --upgrade --override - --custom-compile-command "make lock"

# What both locks name has one version: the first lock constrains the second.
lock: develop  ## renews both locks; needs a registry
	$(COMPILE) --group build pyproject.toml --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

audit: develop  ## known vulnerabilities of what is locked; needs a network
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock -r requirements-dev.lock \
		|| { echo "No all-clear: the advisories are above, or an error that kept them from being looked up." >&2; exit 1; }

clean:
	rm -rf .venv data/clockbooks.db* data/clockbooks.key data/prefect
