# Atalaya. `make` alone lists the targets; CONTRIBUTING.md says when to use which.
.DEFAULT_GOAL := help
PYTHON3 ?= python3
BIN := .venv/bin
UV := .venv/bootstrap/uv
PYTEST_ARGS ?=
# A process for each core. The tests of a file stay together and share what their fixtures started. WORKERS=0: one after another.
WORKERS ?= auto
PYTEST := $(BIN)/pytest -n $(WORKERS)
KILLS ?= 20
FAULTS ?= all
SEED ?= 1
PLATES ?= 200000
MINUTES ?= 70

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/installed  ## system packages (said before installed) and .venv from the lock file

.venv/installed: scripts/bootstrap.py requirements/dev.lock pyproject.toml
	@$(PYTHON3) scripts/bootstrap.py
	@touch $@

models: models/installed  ## fetch the ready weights by hash, build the OpenVINO models; INT8=1: their 8-bit forms, too
	$(if $(INT8),@$(BIN)/python scripts/fetch_models.py --int8)

models/installed: .venv/installed scripts/fetch_models.py $(wildcard edge_agent/adapters/model*.py)
	@$(BIN)/python scripts/fetch_models.py
	@mkdir -p $(@D) && touch $@

demo: setup models  ## a street video to verified hits on your terminal; DEMO_SECONDS=N bounds it
	@$(BIN)/python scripts/demo.py

demo-state: setup  ## a region, three cities, forty points: a stolen car across cities, a link cut and healed
	@$(BIN)/python scripts/demo_state.py

test: setup models  ## all set-up, then the tests but the slow ones
	$(PYTEST) -m "not slow and not train" $(PYTEST_ARGS)

test-all: setup models .venv-train/installed  ## every test; the `train` extra goes into .venv-train (5 GB)
	$(PYTEST) -m "not train" $(PYTEST_ARGS)
	.venv-train/bin/pytest -m train $(PYTEST_ARGS)

.venv-train/installed: .venv/installed requirements/train.lock
	$(UV) venv -q --allow-existing --no-python-downloads --python $(BIN)/python .venv-train
	VIRTUAL_ENV=.venv-train $(UV) pip sync -q --require-hashes requirements/train.lock
	VIRTUAL_ENV=.venv-train $(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

lint: setup  ## ruff, mypy, import-linter, deptry, the ban list, the purity of the core
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry protocol edge_agent aggregator atalaya_client
	$(BIN)/python scripts/ban_list.py
	$(BIN)/python scripts/purity.py

format: setup  ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup models  ## run scripts/bench_*.py, each beside its reference, into docs/benchmarks.md; BENCH="ingest match", DATA=DIR
	@$(BIN)/python scripts/bench_all.py $(BENCH) $(if $(DATA),--data $(DATA))

chaos: setup models  ## kill and break parts of the running system, check that no hit is lost; KILLS=N, FAULTS=NAME,..., SEED=N
	@$(BIN)/python scripts/fault_drill.py --kills $(KILLS) --seed $(SEED)
	@$(BIN)/python scripts/fault_drill.py --faults $(FAULTS) --seed $(SEED)

docs: setup  ## hold the documentation to the code: links, commands, settings, named tests
	$(BIN)/pytest tests/unit -k "docs or document" $(PYTEST_ARGS)

LOCK := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
  --override requirements/overrides.txt
lock:  ## resolve pyproject.toml into the hash-pinned lock files
	@test -x $(UV) || $(PYTHON3) scripts/bootstrap.py
	$(LOCK) --extra edge --extra tpm --extra aggregator --extra s3 --extra client --extra dev pyproject.toml -o requirements/dev.lock
	$(LOCK) --extra edge --extra tpm --extra aggregator --extra s3 --extra client --extra dev --extra train pyproject.toml -o requirements/train.lock
	$(LOCK) -c requirements/dev.lock --extra edge --extra tpm pyproject.toml -o requirements/edge.lock
	$(LOCK) -c requirements/dev.lock --extra aggregator --extra s3 pyproject.toml requirements/build.in -o requirements/aggregator.lock

reader: setup .venv-train/installed  ## press plates, train the plate reader: two hours; DATA=DIR adds real photographs, PLATES=N, MINUTES=N
	@$(BIN)/python scripts/press_plates.py --out build/plates --count $(PLATES) --seed $(SEED) --workers 2
	@.venv-train/bin/python scripts/train_reader.py --shards build/plates --seed $(SEED) --minutes $(MINUTES) $(if $(DATA),--data $(DATA))

edge-bundle: setup models  ## the agent as one archive for a box without a network, into build/; SIGN=KEY.pem signs it
	@$(BIN)/python scripts/edge_bundle.py $(if $(SIGN),--sign $(SIGN))

clean:  ## remove what the build made; .venv and models stay (remove those two folders by hand)
	rm -rf build demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

.PHONY: help setup models demo demo-state test test-all lint format bench chaos docs lock reader edge-bundle clean
