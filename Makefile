# make run, make test: nothing else is needed than Python 3.11 to 3.13 and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help venv run test lint bench soak backup restore sbom advisories

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/installed
LOCK ?= requirements.lock
SUITE ?= core
MINUTES ?= 30
# Tests set it when their servers have addresses.
unexport DJANGO_SETTINGS_MODULE

help:
	@echo "make run [DEMO=0] [FRESH=1]      everything on this machine"
	@echo "make test                        all checks and tests"
	@echo "make lint                        the checks alone"
	@echo "make bench [SIZE=] [IMPORT_LINES=] [ONLY=]  measure"
	@echo "make soak [SUITE=] [MINUTES=]    long fault and fuzz runs"
	@echo "make backup FILE=                everything but the keys, in one file"
	@echo "make restore FILE=               put one in the place of what is here [REPLACE_LIVE=1]"
	@echo "make venv [LOCK=]                install; LOCK=requirements-production.lock without test tools"
	@echo "make sbom [FILE=sbom.json]       what production consists of, as CycloneDX"
	@echo "make advisories                  known vulnerabilities of it"

venv: $(STAMP)

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

run: venv
	@END_WITH_PARENT=1 exec $(PY) manage.py run

lint: venv
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

# What failed is tried once more, alone, and named: on a busy machine a clock may fail a test, a fault fails it twice.
test: venv lint
	$(VENV)/bin/pytest -n 2 || $(PY) -m tests.again

bench: venv
	@SIZE="$(SIZE)" IMPORT_LINES="$(IMPORT_LINES)" $(PY) -m tests.benchmarks $(ONLY) --table

soak: venv
	@$(PY) -m tests.soak --suite "$(SUITE)" --minutes "$(MINUTES)"

backup: venv
	@$(PY) manage.py backup "$(FILE)"

restore: venv
	@$(PY) manage.py restore "$(FILE)" $(if $(filter 1,$(REPLACE_LIVE)),--replace-live)

sbom: venv
	@$(PY) -W ignore $(VENV)/bin/cyclonedx-py requirements requirements-production.lock --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file "$(or $(FILE),sbom.json)"

# pip-audit ends with 1 both where it found something and where it reached nobody: what it wrote tells which.
advisories: venv
	@report=$$(mktemp -d); trap 'rm -rf "$$report"' EXIT; \
	$(VENV)/bin/pip-audit --disable-pip --require-hashes -r requirements-production.lock \
		--progress-spinner off --format json --output "$$report/found" >"$$report/said" 2>&1; ended=$$?; \
	if [ -s "$$report/found" ]; then cat "$$report/said"; [ $$ended = 0 ] || cat "$$report/found"; exit $$ended; fi; \
	if grep -qE 'ConnectionError|ProxyError|ServiceError|Timeout' "$$report/said"; then \
		echo "Skipped: the source of advisories cannot be reached from here."; exit 0; \
	fi; \
	cat "$$report/said" >&2; exit 1
