# `make` alone lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CLUSTER := $(VENV)/.cluster
export DAGSTER_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast check format dev docs bench prove prove-skill prove-economy prove-month prove-year prove-clusters prove-messages prove-cluster prove-cluster-speed prove-fencing audit clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## Make .venv and install the pinned requirements

$(STAMP): pyproject.toml requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.x")'
	@echo "Installing the pinned requirements into $(VENV): 1.4 GB, two to five minutes, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-compile -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(CLUSTER): $(STAMP) requirements-cluster.txt
	@echo "Installing what several machines need, and the tests with it, into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile -r requirements-cluster.txt
	@touch $@

run: $(STAMP) ## Find smart traders: BirdEye with BIRDEYE_API_KEY set, else an invented market
	@$(BIN)/smart-trader run $(ARGS)

# A test's frames are small: threads of their own would only wait for each other. Its many small files are kept
# in memory, where there is room for them, and a disk would be waited for.
SHM := /dev/shm
# Dozens of processes import the same modules: compiled once, wherever the environment says otherwise.
test test-fast: export PYTHONDONTWRITEBYTECODE :=
test test-fast: export POLARS_MAX_THREADS := 1
test test-fast: export OPENBLAS_NUM_THREADS := 1
test test-fast: export TMPDIR := $(or $(shell df -m --output=avail,target $(SHM) 2>/dev/null | awk '$$1 > 4000 && $$2 == "$(SHM)" {print $$2}'),$(TMPDIR),/tmp)

test: $(CLUSTER) ## Run the tests
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-fast: $(CLUSTER) ## The tests that take no seconds each: after every small change
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

check: $(CLUSTER) ## Formatting, lint, strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP) ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dev: $(STAMP) ## The Dagster UI with its daemon, on http://127.0.0.1:3000
	@$(BIN)/smart-trader dev $(ARGS)

docs: $(STAMP) ## Write docs/tables.md and docs/settings.md, and the picture in docs/architecture.md, from the code
	$(BIN)/python -m smart_trader_assets.lake.documentation > docs/.tables.md && mv docs/.tables.md docs/tables.md
	$(BIN)/python -m smart_trader_assets.settings.settings_page > docs/.settings.md && mv docs/.settings.md docs/settings.md
	$(BIN)/python -m smart_trader_assets_tests.rooms_picture

bench: $(STAMP) ## Measure: times, ratios, peak memory (ARGS="--size full": at ten million rows)
	$(BIN)/python -m smart_trader_assets_tests.benchmarks $(ARGS)

prove: $(CLUSTER) ## The long proofs: kills, a daemon, eight writers, every fault, mutated rows; half an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.kill_all
	$(BIN)/python -m smart_trader_assets_tests.proofs.kill_upgrades
	$(BIN)/python -m smart_trader_assets_tests.proofs.daemon
	$(BIN)/python -m smart_trader_assets_tests.trust.many_writers
	$(BIN)/python -m pytest -n 2 --hypothesis-profile long smart_trader_assets_tests/pnl smart_trader_assets_tests/ranking smart_trader_assets_tests/report/test_lot_evidence.py
	$(BIN)/python -m smart_trader_assets_tests.trust.faults
	$(BIN)/python -m smart_trader_assets_tests.trust.fuzz --mutations 100000

prove-skill: $(STAMP) ## Rank 20 invented markets, copy the ranked for a month, late and at cost; six minutes
	$(BIN)/python -m smart_trader_assets_tests.proofs.skill $(ARGS)

prove-economy: $(STAMP) ## Search ten invented markets with the same credits in three orders; an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.economy $(ARGS)

prove-month: $(STAMP) ## Live a month on an invented free account, run by run; half an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.month $(ARGS)

prove-year: $(STAMP) ## Live a year day by day with nightly upkeep, under a set clock; two hours (ARGS="--keep DIR": in several parts)
	$(BIN)/python -m smart_trader_assets_tests.proofs.year $(ARGS)

prove-clusters: $(STAMP) ## Find planted groups of one hand in twenty generated markets, and none in twenty others; seconds
	$(BIN)/python -m smart_trader_assets_tests.proofs.clusters $(ARGS)

prove-messages: $(STAMP) ## Tell 500 pieces of news while the sender is killed 50 times; five minutes
	$(BIN)/python -m smart_trader_assets_tests.proofs.messages $(ARGS)

prove-cluster: $(CLUSTER) ## Two machines, four workers, PostgreSQL, Redis and S3: killed, restarted, compared; a quarter of an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.cluster $(ARGS)

prove-cluster-speed: $(CLUSTER) ## PnL of two million swaps with one Celery worker and with two, five rounds; half an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.cluster_speed $(ARGS)

prove-fencing: $(STAMP) ## Stalled, doubled and by-hand runs at every commit of every asset; half an hour
	$(BIN)/python -m smart_trader_assets_tests.proofs.fencing $(ARGS)

audit: ## Look the pinned requirements up for known holes; what cannot be looked up fails
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(VENV)/audit/bin/pip-audit --requirement requirements.txt --no-deps --disable-pip --strict $(ARGS)

clean: ## Remove the environment and the caches; data/ stays
	rm -rf $(VENV) .dagster_home .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
