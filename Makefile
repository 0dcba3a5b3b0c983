# Two commands do everything on a fresh machine:
#   make app     makes .venv, installs irodori into it (no torch) and starts the editor in your browser
#   make test    makes an environment of its own, installs what the tests need, and runs every check and test
# What each of them needs besides make: Python 3.11 or newer with its venv module; `make test` also Node.js 20 and
# Chromium, which it installs with apt-get where that is possible.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first interpreter that is new enough; `make app PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
# The tested versions. `make app CONSTRAINTS=` takes the newest ones instead.
CONSTRAINTS ?= constraints/ci.txt
# More words for pip, for example an index that offers the CPU build of PyTorch.
PIP_ARGS ?=
# Words for the editor, for example `make app APP_ARGS='--no-browser old.jpg'`.
APP_ARGS ?=
# `make test BROWSER=no` leaves out the tests that drive a real Chromium.
BROWSER ?= yes
# How many files of tests run at once: one per core. `make test WORKERS=0` runs all of them in one process.
WORKERS ?= auto
PYTEST_ARGS ?=

APP := .venv
WORK := .make
TEST := $(WORK)/test
PIP_INSTALL = PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT="$(if $(CONSTRAINTS),$(abspath $(CONSTRAINTS)))" \
	$(1)/bin/python -m pip install --quiet $(PIP_ARGS)
# One thread each, so that tests that run at once do not fight for the cores; a file's tests stay together.
PYTEST = OMP_NUM_THREADS=1 $(TEST)/bin/python -m pytest -q \
	--numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
HAS_BROWSER = test -x /usr/bin/chromium
NODE_IS_NEW = node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' >/dev/null 2>&1

.PHONY: help app test environment check lint types imports js pytest test-without-torch test-minimum test-wheel \
	constraints tree licences format clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

app: $(APP)/.irodori ## install irodori into .venv and start the editor
	$(APP)/bin/irodori app $(APP_ARGS)

test: check pytest ## everything: lint, types, import rules, the page's checks, all Python tests

check: lint types imports js ## all checks that run no Python test

# --- environments -----------------------------------------------------------------------------------------------

environment: $(TEST)/.installed $(WORK)/node_modules.stamp chromium ## what the tests need, without running them

.PHONY: python-is-new
python-is-new:
	@test -n "$(PYTHON)" || { echo "irodori needs Python 3.11 or newer with its venv module, and none was found." \
	"On Debian and Ubuntu: sudo apt-get install python3 python3-venv. Or name one: make app PYTHON=/path/to/python" >&2; exit 1; }

$(APP)/.irodori: pyproject.toml $(CONSTRAINTS) | python-is-new
	@echo "Installing irodori into $(APP) (a minute or two, once)"
	test -x $(APP)/bin/python || $(PYTHON) -m venv $(APP)
	$(call PIP_INSTALL,$(APP)) --editable .
	touch $@

$(TEST)/.installed: pyproject.toml $(CONSTRAINTS) | python-is-new
	@echo "Installing the test environment into $(TEST), torch included (a few minutes, once)"
	mkdir -p $(WORK)
	test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	$(call PIP_INSTALL,$(TEST)) --no-compile --editable '.[dev,cluster]'
	touch $@

$(WORK)/node_modules.stamp: package.json package-lock.json
	@mkdir -p $(WORK)
	@$(NODE_IS_NEW) || { $(call APT_INSTALL,nodejs npm) && $(NODE_IS_NEW); } || { echo "The tests of the editor's page need" \
	"Node.js 20 or newer with npm, and it could not be installed from here: install it and run make test again." >&2; exit 1; }
	npm ci --no-fund --no-audit --loglevel=error
	touch $@

.PHONY: chromium
chromium:
ifneq ($(BROWSER),no)
	@$(HAS_BROWSER) || { $(call APT_INSTALL,chromium) && $(HAS_BROWSER); } || { echo "The browser tests need Chromium, and it" \
	"could not be installed from here (apt-get as root or with sudo was tried): install chromium and run make test again," \
	"or leave those tests out with: make test BROWSER=no" >&2; exit 1; }
endif

# Debian and Ubuntu, as root or with a sudo that asks nothing; false where neither is given.
APT_INSTALL = { command -v apt-get >/dev/null && \
	{ { test "$$(id -u)" = 0 && sudo=""; } || { sudo -n true 2>/dev/null && sudo="sudo -n"; }; } && \
	echo "Installing $(1) with apt-get" && $$sudo apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $(1) >/dev/null; }

# --- checks -----------------------------------------------------------------------------------------------------

lint: $(TEST)/.installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .

types: $(TEST)/.installed
	$(TEST)/bin/mypy

imports: $(TEST)/.installed
	$(TEST)/bin/lint-imports

js: $(WORK)/node_modules.stamp
	npm run --silent types
	npm test --silent

format: $(TEST)/.installed ## let ruff put the code in order
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

# --- tests ------------------------------------------------------------------------------------------------------

pytest: $(TEST)/.installed chromium ## all Python tests (PYTEST_ARGS='-k lab' picks some)
	$(PYTEST) $(if $(filter no,$(BROWSER)),-m 'not browser') $(PYTEST_ARGS)

test-without-torch: $(TEST)/.installed ## the tests again, with torch made unimportable
	PYTHONPATH=.ci/no_torch $(PYTEST) -m 'not train and not browser' --ignore=tests/train $(PYTEST_ARGS)

test-minimum: | python-is-new ## colour a sample with the oldest versions that pyproject.toml allows
	PYTHON=$(PYTHON) PIP_ARGS="$(PIP_ARGS)" .ci/install_and_colour $(WORK)/minimum constraints/minimum.txt .

test-wheel: $(TEST)/.installed ## build the wheel, install it alone, colour a sample with it
	rm -rf $(WORK)/dist
	PIP_CONSTRAINT="$(abspath constraints/ci.txt)" $(TEST)/bin/python -m pip wheel --quiet --no-deps --wheel-dir $(WORK)/dist .
	PYTHON=$(PYTHON) PIP_ARGS="$(PIP_ARGS)" .ci/install_and_colour $(WORK)/wheel constraints/ci.txt $(WORK)/dist/irodori-*.whl

# --- upkeep -----------------------------------------------------------------------------------------------------

constraints: ## pin constraints/ci.txt to the newest versions, in a new environment (run the tests afterwards)
	rm -rf $(WORK)/newest && mkdir -p $(WORK) && $(PYTHON) -m venv $(WORK)/newest
	grep '^torch==' constraints/ci.txt > $(WORK)/torch.txt
	PIP_CONSTRAINT="$(abspath $(WORK)/torch.txt)" $(WORK)/newest/bin/python -m pip install --quiet $(PIP_ARGS) --editable '.[dev,cluster]' hatchling
	{ sed '/^#/!d' constraints/ci.txt; $(WORK)/newest/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > $(WORK)/ci.txt
	mv $(WORK)/ci.txt constraints/ci.txt

tree: ## write the tree in README.md anew
	$(PYTHON) .ci/tree.py README.md

licences: $(TEST)/.installed ## write docs/licences.md anew
	$(TEST)/bin/python .ci/licences.py docs/licences.md

clean: ## remove what the tests made (not .venv)
	rm -rf $(WORK) build dist node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
