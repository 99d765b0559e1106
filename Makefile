# Everything from nothing but Python 3.11+ and make. Node, where present, adds the interactive
# view to the report; without it all else works.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
DEMO ?= demo-out
FUZZ ?= 20000

.PHONY: help demo test check lint format types fuzz audit bench train-env lock wheel clean
help:
	@echo "make demo    read the built-in phantom knee and say where the report is"
	@echo "make test    the whole test suite"
	@echo "make check   lint, format, types and tests"
	@echo "make fuzz    20,000 hostile files (FUZZ=100000 for more)"
	@echo "make audit   whether a locked dependency is known to be bad"
	@echo "make bench   the benchmarks, into benchmarks/results/"
	@echo "make train-env  PyTorch as well, to train the bone networks (docs/how-to/train-bones.md)"
	@echo "make lock    renew the locked dependencies (needs uv)"
	@echo "make wheel   build the wheel into dist/"

$(VENV)/run.stamp: requirements/run.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Marrowlight needs Python 3.11 or newer; this is ' + sys.version.split()[0]) if sys.version_info < (3, 11) else None"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes -r requirements/run.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/run.stamp
	$(PIP) install --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/fit.stamp: requirements/fit.lock $(VENV)/dev.stamp
	$(PIP) install --no-deps --require-hashes -r requirements/fit.lock
	@touch $@

$(VENV)/train.stamp: requirements/train.lock $(VENV)/dev.stamp
	$(PIP) install --no-deps --require-hashes -r requirements/train.lock
	@touch $@

demo: $(VENV)/run.stamp
	$(BIN)/marrowlight demo -o $(DEMO) --overwrite

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint types test

fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m tests.fuzz --cases $(FUZZ) --record

audit: $(VENV)/dev.stamp
	$(BIN)/python requirements/audit.py

bench: $(VENV)/fit.stamp
	$(BIN)/python -m benchmarks

train-env: $(VENV)/train.stamp

wheel: $(VENV)/run.stamp
	$(BIN)/python -m hatchling build -t wheel

lock:
	uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/run.lock
	uv pip compile pyproject.toml --extra build --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock -o requirements/dev.lock
	uv pip compile pyproject.toml --extra build --extra dev --extra fit --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock -o requirements/fit.lock
	uv pip compile pyproject.toml --extra build --extra dev --extra train --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/dev.lock -o requirements/train.lock

clean:
	rm -rf $(VENV) dist build $(DEMO) .pytest_cache .mypy_cache .ruff_cache
