# Everything runs in .venv, so a Python that refuses system-wide installs is fine.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt

.PHONY: help demo serve-demo test fuzz endure bench evidence lint types layers check docs dist clean
help:            ## this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' Makefile | sed 's/:.*##/\t/'

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "evenhand needs Python 3.11 or newer with the venv module (PYTHON=/path/to/python make ...)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.run: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e .
	@touch $@

.venv/.service: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e '.[service]'
	@touch $@ .venv/.run

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ .venv/.run .venv/.service

.venv/.docs: .venv/.dev
	$(PIP) -e '.[docs]'
	@touch $@

demo: .venv/.run ## install into .venv and compare the policies on a real week
	$(BIN)/evenhand compare geo7

serve-demo: .venv/.service ## a live controller that replays a real week, and its page at the address that is printed
	$(BIN)/evenhand serve --demo --port 0

test: .venv/.dev ## the whole test suite
	$(BIN)/python -m pytest -n 2

fuzz: .venv/.dev ## 100,000 drawn inputs over readers, command line and constructors
	EVENHAND_FUZZ=34000 $(BIN)/python -m pytest tests/fuzz

endure: .venv/.dev ## 200 kills, and two workers racing for 2,000 rounds (PostgreSQL)
	EVENHAND_KILLS=200 EVENHAND_RACES=2000 $(BIN)/python -m pytest tests/service/test_kills.py tests/service/test_postgres.py

bench: .venv/.dev ## the speed table, against peers in the same run
	$(BIN)/python benchmarks/run.py

evidence: .venv/.dev ## docs/evidence.md and the README's second table
	$(BIN)/python benchmarks/evidence.py

lint: .venv/.dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev ## pyright, strict on src; every public type is known
	$(BIN)/pyright
	@told=$$(PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes evenhand --ignoreexternal) || { echo "$$told" | grep -B1 -A1 ' error: '; exit 1; }

layers: .venv/.dev ## imports go downwards only
	$(BIN)/lint-imports

check: lint types layers test ## what CI runs

docs: .venv/.docs ## the documentation in docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -j 2 -b html docs docs/_build/html

dist: .venv/.dev ## wheel and sdist in dist/, built twice and compared
	$(PIP) -e '.[release]'
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python tests/release.py dist
	$(BIN)/twine check --strict dist/*

clean: ## remove what make made
	rm -rf .venv out dist docs/_build .ruff_cache .hypothesis .import_linter_cache
