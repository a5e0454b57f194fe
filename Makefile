# Everything a developer or a visitor runs. `make check` is what CI runs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# One worker more than cores: a third of the time tests wait for servers.
PYTEST := $(BIN)/pytest -n $$(($$(nproc) + 1)) --dist loadgroup --no-loadscope-reorder
CHAOS ?= --seconds 400 --pause 1.2 --kills 100 --events 20000

# Processes are started by the dozen: what one has compiled, the next need not.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: up test check nightly lint format types imports collect bench chaos mails events sabotage clean lock

up: $(VENV)/.installed           ## Run the whole platform here; Ctrl-C stops it
	$(BIN)/concord up

test: $(VENV)/.dev               ## Run the tests of a change: PostgreSQL and RabbitMQ, on SQLite what differs most; 20 s of chaos
	$(PYTEST)

nightly: lint types imports      ## Everything: each test on both sets of engines, and the long chaos
	$(PYTEST) --matrix full
	$(BIN)/python -m tests.chaos $(CHAOS)

check: $(VENV)/.dev              ## Exactly what CI runs, on every change
	$(MAKE) -j 2 --output-sync collect lint types imports
	$(MAKE) test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

collect: $(VENV)/.dev            # compiles the tests, which each worker would do for itself
	@said=$$($(BIN)/pytest --collect-only -qq) || { echo "$$said"; exit 1; }

format: $(VENV)/.dev             ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.bench            ## Measure ours beside the comparison (needs PostgreSQL)
	$(BIN)/python -m bench

chaos: $(VENV)/.dev              ## Kill everything under load and prove nothing was lost; CHAOS="--seconds 60" and the like
	$(BIN)/python -m tests.chaos $(CHAOS)

mails: $(VENV)/.dev              ## Write a sample of every mail to docs/mails, with pictures where there is a Chromium
	$(BIN)/python -m tests.notifier.samples docs/mails

sabotage: $(VENV)/.dev           ## Break one promise after the other: a test must notice (needs PostgreSQL and RabbitMQ)
	$(BIN)/python -m tests.sabotage

events: $(VENV)/.dev             ## Write the catalogue of events down again
	$(BIN)/python -m concord.catalogue

lock: $(VENV)/.dev               ## Write down the versions that are installed
	$(BIN)/pip freeze --exclude-editable --exclude concord | grep -v '^-e' | sort -f > requirements.lock

clean:
	rm -rf $(VENV) var build *.egg-info

$(VENV)/.installed: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	touch $@

$(VENV)/.dev: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c requirements.lock -e '.[dev]'
	touch $(VENV)/.installed $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[bench]'
	touch $@
