# make run, make test: nothing else is needed than Python 3.11 to 3.13 and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help venv run test check lint format coverage messages provider bench soak backup restore sbom advisories

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/installed
LOCK ?= requirements.lock
SUITE ?= core
MINUTES ?= 30
GATED := payments/ledger/*,payments/core/*,payments/services/*
GATE := 99
# Tests set it when their servers have addresses.
unexport DJANGO_SETTINGS_MODULE

# Each target says behind ## what it takes and does; this reads it.
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { split($$2, said, / *[|] */); printf "make %-40s %s\n", $$1 " " said[1], said[2] }' Makefile

venv: $(STAMP) ## [LOCK=] | install what the lock file pins; LOCK=requirements-production.lock without test tools

# A virtual environment of another machine or a removed Python does not run: it is made anew.
$(STAMP): $(LOCK)
	@python="$${PYTHON:-}"; \
	for name in $$python python3.13 python3.12 python3.11 python3 python; do \
		if "$$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
		then python="$$name"; found=1; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Onetill needs Python 3.11, 3.12 or 3.13 with venv (Debian: apt-get install python3-venv)." >&2; exit 1; \
	fi; \
	if ! $(PY) -c 'import pip' 2>/dev/null; then "$$python" -m venv --clear $(VENV); fi
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@touch $@

run: venv ## [DEMO=0] [FRESH=1] | everything on this machine
	@END_WITH_PARENT=1 exec $(PY) manage.py run

check: venv ## | style, types, imports and migrations, without running anything
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

# Its old name, which hands and scripts remember.
lint: check

format: venv ## | write the code as `make check` wants it
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# Three processes on two cores: a third of the time one of them waits for a worker, a provider or a clock.
# What failed is tried once more, alone, and named: on a busy machine a clock may fail a test, a fault fails it twice.
# The slowest are named too: tests/README.md says how long a run may take, and what to do about a long test.
test: venv check ## | all checks and all tests
	$(VENV)/bin/pytest -n 3 --durations=15 --durations-min=5 || $(PY) -m tests.again

# Branches count. A whole run reaches at least GATE percent of GATED (what is left are mostly races that no test times);
# the rest is shown. A part (TESTS=) is shown alone: no part reaches all. What failed is tried once more, as above.
coverage: venv ## [TESTS=tests/ledger] | which branches the tests reach, with a gate on books, services, core
	@rm -rf .coverage; mkdir .coverage
	$(PY) -m coverage run -m pytest -n 3 $(or $(TESTS),tests --ignore=tests/benchmarks --ignore=tests/soak) \
		|| $(PY) -m coverage run -m tests.again
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report
	$(if $(TESTS),,$(PY) -m coverage report --include='$(GATED)' --fail-under=$(GATE))

messages: venv ## | collect what is said to people into the catalogs, and compile them
	@$(PY) -m tests.messages

provider: venv ## NAME=x | begin a provider: payments/providers/x with its contract test, red until written
	@$(PY) -m tests.new_provider "$(NAME)"

bench: venv ## [SIZE=] [IMPORT_LINES=] [ONLY=] | measure
	@SIZE="$(SIZE)" IMPORT_LINES="$(IMPORT_LINES)" $(PY) -m tests.benchmarks $(ONLY) --table

soak: venv ## [SUITE=] [MINUTES=] | long fault and fuzz runs
	@$(PY) -m tests.soak --suite "$(SUITE)" --minutes "$(MINUTES)"

backup: venv ## FILE= | everything but the keys, in one file
	@$(PY) manage.py backup "$(FILE)"

restore: venv ## FILE= [REPLACE_LIVE=1] | put one in the place of what is here
	@$(PY) manage.py restore "$(FILE)" $(if $(filter 1,$(REPLACE_LIVE)),--replace-live)

sbom: venv ## [FILE=sbom.json] | what production consists of, as CycloneDX
	@$(PY) -W ignore $(VENV)/bin/cyclonedx-py requirements requirements-production.lock --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file "$(or $(FILE),sbom.json)"

# pip-audit ends with 1 both where it found something and where it reached nobody: what it wrote tells which.
advisories: venv ## | known vulnerabilities of it
	@report=$$(mktemp -d); trap 'rm -rf "$$report"' EXIT; \
	$(VENV)/bin/pip-audit --disable-pip --require-hashes -r requirements-production.lock \
		--progress-spinner off --format json --output "$$report/found" >"$$report/said" 2>&1; ended=$$?; \
	if [ -s "$$report/found" ]; then cat "$$report/said"; [ $$ended = 0 ] || cat "$$report/found"; exit $$ended; fi; \
	if grep -qE 'ConnectionError|ProxyError|ServiceError|Timeout' "$$report/said"; then \
		echo "Skipped: the source of advisories cannot be reached from here."; exit 0; \
	fi; \
	cat "$$report/said" >&2; exit 1
