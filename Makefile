# The front door: `make demo` plays the reference case, `make test` proves the build. Both set everything up themselves.

# the first of these that runs and is new enough (a pyenv shim may be there and not run)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   ?= .venv
DEMO   ?= demo
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: demo test lint check format docs torture clean

demo: $(VENV)/.core
	$(BIN)/flightwatch demo --dir $(DEMO)

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
