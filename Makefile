# The commands a newcomer needs: make demo, make test, make lint, make bench.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow screens bench lint format setup lock clean

demo: setup  ## the main job, end to end, against local stand-ins of both services
	$(BIN)/clockbooks demo

test: setup  ## the whole suite; slow tests apart
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: setup  ## what takes longer than a developer waits
	$(BIN)/python -m pytest -m slow

screens: setup  ## photographs the review for the README, in Chromium
	SCREENS=data/screens $(BIN)/python -m pytest -m slow -k person tests/flows/test_review_in_a_browser.py

bench: setup  ## measures time and memory, and keeps the table in data/BENCHMARKS.md
	$(BIN)/python tests/bench

lint: setup  ## style, types, and the arrows between the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: .venv/installed

# --no-deps: the lock is complete, and names every file by its hash.
.venv/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Prefect 3.9.1 asks for a certifi younger than some registries serve; it is a bundle of
# certificates, and any recent one will do.
lock:  ## renews requirements.lock; needs a registry
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	echo 'certifi>=2026.10.18' | .venv/lock/bin/uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-annotate --upgrade --override - --custom-compile-command "make lock" \
		--group dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv data/clockbooks.db* data/clockbooks.key data/prefect
