# Start here: `make demo` plays the reference case, `make test` runs the tests. Both set everything up themselves.

# the first of these that runs and is new enough (a pyenv shim may exist and not run)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   ?= .venv
DEMO   ?= demo
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: demo notebook test lint check format docs torture clean

demo: $(VENV)/.core
	$(BIN)/flightwatch demo --dir $(DEMO)

notebook: $(VENV)/.notebook
	FLIGHTWATCH_DEMO_DIR=$(abspath $(DEMO)) $(BIN)/jupyter lab notebooks/00_tour.ipynb

test: $(VENV)/.dev
	$(PYTEST) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: format lint test

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --exit-zero --quiet .

# writes the pages made from the code, and checks every link and command in the others
docs: $(VENV)/.dev
	$(BIN)/python -m flightwatch.cli.reference > docs/reference/.commands && mv docs/reference/.commands docs/reference/commands.md
	$(BIN)/python -m flightwatch.config.reference > docs/reference/.settings && mv docs/reference/.settings docs/reference/configuration.md
	$(BIN)/python -m pytest tests/test_docs.py tests/test_reference.py tests/test_config_reference.py

torture: $(VENV)/.dev
	$(BIN)/python -m benchmarks.torture --write $(ARGS)

clean:
	rm -rf $(VENV) $(DEMO) dist build .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "flightwatch needs Python 3.11 or newer on the PATH (or make PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.core

$(VENV)/.notebook: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[notebook]'
	@touch $@
