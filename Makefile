# tradepipe: `make help` lists what there is. Needs Python 3.11 or newer, git and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
UV := $(BIN)/uv
WORKERS ?= 2

# Events of a backfill are stored in batches; every process must know (docs/decisions/0006).
export DAGSTER_EVENT_BATCH_SIZE ?= 1000
export DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS ?= true
# Two cores, many small arrays: more threads a library only get in each other's way.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# Tests and commands start processes by the hundred: one that compiles its imports anew takes twice the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast dev lint format types imports check bench peers lock clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## run the whole chain on packaged real data, then print a summary and write a report
	@$(BIN)/tradepipe demo

test: $(VENV)/.dev ## run the whole test-suite
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal

test-fast: $(VENV)/.dev ## run the tests that take under a minute together
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow" --hypothesis-profile=fast

dev: $(VENV)/.runtime ## start the Dagster UI and daemon on the demo's data
	@$(BIN)/tradepipe dev

lint: $(VENV)/.dev ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## mend style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev ## check types strictly
	$(BIN)/mypy

imports: $(VENV)/.dev ## check who imports whom
	$(BIN)/lint-imports --no-cache

check: lint types imports $(VENV)/.dev ## everything that is checked without running the chain
	$(BIN)/dg check defs
	$(BIN)/dagster definitions validate

bench: $(VENV)/.dev ## run all benchmarks
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py); done

peers: $(PEERS)/.ready ## install what benchmarks compare with and our environment cannot hold

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: $(VENV)/.dev ## resolve dependencies again and write the lock files
	$(COMPILE) --group pyproject.toml:tools -o deploy/locks/tools.txt
	$(COMPILE) --group pyproject.toml:peers -o deploy/locks/peers.txt
	$(COMPILE) pyproject.toml -o deploy/locks/runtime.txt
	$(COMPILE) pyproject.toml --extra celery --group dev -o deploy/locks/dev.txt

clean: ## remove the virtual environments, the demo's data and caches
	rm -rf $(VENV) $(PEERS) var dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.tools: deploy/locks/tools.txt
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/locks/tools.txt
	@touch $@

$(VENV)/.runtime: $(VENV)/.tools deploy/locks/runtime.txt pyproject.toml
	@echo "Installing what tradepipe needs …"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r deploy/locks/runtime.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/tradepipe compile
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime deploy/locks/dev.txt
	@echo "Installing what its tests need …"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r deploy/locks/dev.txt
	@touch $@

$(PEERS)/.ready: $(VENV)/.tools deploy/locks/peers.txt
	@echo "Setting up $(PEERS) …"
	@$(PYTHON) -m venv $(PEERS)
	@$(UV) pip install --quiet --python $(PEERS)/bin/python --require-hashes -r deploy/locks/peers.txt
	@touch $@
