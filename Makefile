# Atalaya. `make` alone lists the targets.
.DEFAULT_GOAL := help
PY := .venv/bin/python
UV := $(shell command -v uv 2>/dev/null || echo .venv/bootstrap/uv)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/installed  ## make .venv from the lock file

.venv/installed: requirements/dev.lock pyproject.toml
	$(UV) venv -q --allow-existing --python 3.11 .venv
	VIRTUAL_ENV=.venv $(UV) pip sync -q --require-hashes requirements/dev.lock
	VIRTUAL_ENV=.venv $(UV) pip install -q --no-deps --no-build-isolation -e .
	touch $@

lock:  ## resolve pyproject.toml into the hash-pinned lock file
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --extra edge --extra aggregator --extra dev pyproject.toml -o requirements/dev.lock

lint: setup  ## ruff, mypy strict, import-linter, the ban list
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup  ## rewrite the sources in the house format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

test: setup  ## all set-up, then the tests
	.venv/bin/pytest

.PHONY: help setup lock lint format test
