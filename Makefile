# ultramm: `make start` and `make test` work in a fresh clone with only Python and make.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Many tests wait for processes: one worker more than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup start test test-unit test-integration lint format typecheck check bench abuse crashes clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

setup: $(STAMP) ## Create .venv and install everything, pinned by constraints.txt

$(STAMP): pyproject.toml $(wildcard plugins/*/pyproject.toml) constraints.txt scripts/make_venv.sh
	@sh scripts/make_venv.sh $(VENV)
	@touch $@

start: $(STAMP) ## Start a paper node on the built-in market (ARGS="--duration 60s --no-dashboard")
	@$(BIN)/ultramm node start $(ARGS)

test: $(STAMP) ## Run the whole test suite
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-unit: $(STAMP) ## Run the fast tests
	@$(BIN)/pytest -n $(WORKERS) -m "not integration" $(ARGS)

test-integration: $(STAMP) ## Run the tests that start processes or read recordings
	@$(BIN)/pytest -n $(WORKERS) -m integration $(ARGS)

lint: $(STAMP) ## Style and layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

format: $(STAMP) ## Rewrite the sources in the house style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

typecheck: $(STAMP) ## Types, strict
	@$(BIN)/mypy

check: lint typecheck test ## Everything that CI checks

bench: $(STAMP) ## Measure speed and memory, as ratios within one run
	@$(BIN)/python benchmarks/run.py $(ARGS)

abuse: $(STAMP) ## Try to break each limit, 10,000 times in backtest and over sockets (some minutes)
	@$(BIN)/python benchmarks/abuse.py $(ARGS)

crashes: $(STAMP) ## What crashes cost with limits and without (some minutes)
	@$(BIN)/python benchmarks/crashes.py $(ARGS)

clean: ## Remove the environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
