# `make demo` and `make test` do all their own set-up; `make` alone lists the targets.
#
# Set-up is two stamp files in the virtual environment: one for the locked
# dependencies, one for the package itself. A second run does nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The order of prerequisites below is the order of the work, also under `make -j`.
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# What goes on to pytest and to `rorpost demo`, such as PYTEST_ARGS="tests/unit -k address".
PYTEST_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=
PROFILE_ARGS ?=
SOAK_ARGS ?=
TORTURE_ARGS ?=
# One file stays on one worker, so that its session fixtures start once; more
# than four workers would only start more Postfixes.
XDIST_ARGS := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: packages-demo $(INSTALLED) ## show the gateway at work, on loopback (DEMO_ARGS=--keep leaves it running)
	@$(BIN)/rorpost demo $(DEMO_ARGS)

.PHONY: test
test: packages-test lint ## linter, types, import rules, and the whole test suite (PYTEST_ARGS=...)
	@$(BIN)/pytest $(XDIST_ARGS) $(PYTEST_ARGS)

.PHONY: lint
lint: $(INSTALLED) ## linter, types and import rules only
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: bench
bench: packages-test $(INSTALLED) ## measure beside Postfix, and print one table (six minutes or more; BENCH_ARGS=...)
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)

.PHONY: bench-quick
bench-quick: packages-test $(INSTALLED) ## the same in under a minute: fewer messages, one run, no 5 MB
	@$(BIN)/python -m tests.bench --quick $(BENCH_ARGS)

.PHONY: profile
profile: packages-test $(INSTALLED) ## where the daemon's time goes under load, by room and function (PROFILE_ARGS=...)
	@$(BIN)/python -m tests.bench.profiling $(PROFILE_ARGS)

.PHONY: torture
torture: packages-test $(INSTALLED) ## random traffic, kill -9 at every point, the books balanced (TORTURE_ARGS=...)
	@$(BIN)/python -m tests.torture $(TORTURE_ARGS)

.PHONY: soak
soak: packages-test $(INSTALLED) ## 20,000 messages through the daemon; its memory must not grow (SOAK_ARGS=...)
	@$(BIN)/python -m tests.soak $(SOAK_ARGS)

.PHONY: check
check: test ## the same as test

.PHONY: install
install: $(INSTALLED) ## the virtual environment with everything in it

.PHONY: lock
lock: ## choose versions anew and write both lock files (needs uv)
	@.ci/lock

.PHONY: clean
clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: packages-demo packages-test
packages-demo packages-test: packages-%:
	@PYTHON="$(PYTHON)" .ci/packages $*

# Made anew whenever the lock changes, so that nothing is in it that the lock does not name.
$(LOCKED): requirements.lock
	@PYTHON="$(PYTHON)" .ci/packages venv
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
