# The commands of this project. `make` alone lists them.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: help setup demo demo-data run test check audit unit e2e coverage test-all bench crash format pin clean dev lint style \
	browser postgres caddy

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
# Four at once suit two cores, since many tests wait; a browser needs more. PARALLEL= runs one after another.
PARALLEL := --numprocesses=4 --dist=worksteal
BROWSERS := --numprocesses=3 --dist=worksteal
# TRACE=--tracing=retain-on-failure keeps what the browser did in failed tests: a third more processor time.
TRACE :=
PIN := $(VENV)/pin/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make pin' $(PIN_FLAGS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.runtime ## make .venv with what the shop needs to run

demo: setup ## the whole journey on this machine, without keys or accounts
	@exec $(PY) main.py demo

demo-data: setup ## the same, with three months of made-up orders in the admin
	@exec $(PY) main.py demo --filled

run: setup ## run the shop with your own keys from .env
	@exec $(PY) main.py

test: style ## everything that must hold before a change lands
	@echo 'mypy runs beside the tests of make unit; its result follows theirs.'
	@$(PY) -m mypy >$(VENV)/mypy.log 2>&1 & mypy=$$!; \
		$(MAKE) unit; unit=$$?; \
		wait $$mypy; mypy=$$?; cat $(VENV)/mypy.log; \
		[ $$unit = 0 ] && [ $$mypy = 0 ]
	@$(MAKE) e2e

check: lint ## the quick part: style, types, security, imports, architecture, documents
	$(PY) -m pytest tests/architecture tests/docs

audit: dev ## known vulnerabilities in the pinned packages; needs the network
	$(PY) -m pip_audit --strict --disable-pip --require-hashes --progress-spinner=off \
		--requirement requirements/runtime.txt --requirement requirements/dev.txt \
		|| { echo 'See above: a package has a known vulnerability, or was NOT AUDITED.' >&2; exit 1; }

unit: dev postgres caddy
	$(PY) -m pytest tests --ignore=tests/e2e $(PARALLEL)

coverage: dev postgres caddy ## the tests of `make unit`, with the branches of services and ui that they reach
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest tests --ignore=tests/e2e  # one after another: workers can lose their data
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

test-all: postgres ## the tests of `make unit` on every Python from 3.11 on that this machine has
	@scripts/test-all

e2e: dev browser postgres caddy ## the journeys in a real browser, against the real process
	$(PY) -m pytest tests/e2e $(BROWSERS) $(TRACE)

bench: dev ## measure checkout, webhooks, bookings, a large ledger and pages: two hours (writes benchmarks/RESULTS.md)
	$(PY) -m benchmarks.checkout
	$(PY) -m benchmarks.webhooks
	$(PY) -m benchmarks.scheduling
	$(PY) -m benchmarks.ledger
	$(PY) -m benchmarks.pages

crash: dev ## kill the shop at every step of a payment and check the result (writes benchmarks/CRASH.md)
	$(PY) -m tests.crash --postgres

format: dev ## format the code
	$(PY) -m ruff check --fix --quiet .
	$(PY) -m ruff format --quiet .

pin: ## write requirements/*.txt again (PIN_FLAGS=--upgrade for newer versions)
	@scripts/venv $(VENV)/pin
	$(VENV)/pin/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(PIN) pyproject.toml --output-file requirements/runtime.txt
	$(PIN) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(PIN) --group contract --no-deps --output-file requirements/contract.txt

clean: ## remove what the targets above made, except data
	rm -rf $(VENV) .venv-3.* .import_linter_cache .coverage* test-results .mypy_cache .pytest_cache .ruff_cache .hypothesis .nicegui
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lint: style
	$(PY) -m mypy

style: dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-logo

dev: $(VENV)/.dev

browser: dev
	@scripts/browser $(PY)

postgres:
	@scripts/postgres

caddy: dev
	@scripts/caddy

$(VENV)/.runtime: requirements/runtime.txt
	@scripts/venv $(VENV)
	$(PIP) --requirement requirements/runtime.txt
	@touch $@

# One run of pip for both lists is faster than two.
$(VENV)/.dev: requirements/runtime.txt requirements/dev.txt requirements/contract.txt
	@scripts/venv $(VENV)
	$(PIP) --requirement requirements/runtime.txt --requirement requirements/dev.txt
	$(PIP) --no-deps --requirement requirements/contract.txt
	@touch $(VENV)/.runtime $@
