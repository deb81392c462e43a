# From a clone to a proven checkout: nothing is needed but git, make and Python 3.11 or later.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK = 1

PYTHON ?= python3
# More words for pytest (make test ARGS="-k lock"), the benchmarks (make bench ARGS=night) or uv
# (make lock ARGS=--upgrade).
ARGS ?=

# A version that the output file already pins stays, as long as pyproject.toml lets it.
RESOLVE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url
PRODUCT = pyproject.toml --group dev
PEERS = --group bench
# "click==8.5.1" and its marker, of a lock with or without hashes
PINS = sed -nE 's/^([a-z0-9][^\\]*[^\\ ]).*/\1/p'

.PHONY: help run test lab soak bench check check-style check-types check-imports check-lock check-docs lock clean

help: ## list what there is to make
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

run: .venv/.ready ## take a list from its page to a marked packet and back
	@PATH="$(CURDIR)/.venv/bin:$$PATH" bash tests/tour.sh

test: .venv/.ready ## run every test; as root, install the Debian packages that they need
	@bash tests/install-parts.sh
	@.venv/bin/pytest --numprocesses auto --dist loadfile $(ARGS)

lab: .venv/.ready ## real IPVS in a kernel of its own: packets to real servers; as root, install its Debian packages
	@bash tests/install-parts.sh lab
	@.venv/bin/pytest -s tests/lab $(ARGS)

soak: .venv/.ready ## thousands of nights under a flood of packets; most of an hour
	@bash tests/install-parts.sh
	@PROXYFEED_SOAK=1 .venv/bin/pytest -s tests/soak $(ARGS)

bench: .venv/.ready ## measure beside the best of others, into build/bench: ARGS="aggregate night --quick"
	@bash tests/install-parts.sh
	@$(MAKE) .venv/bench/.locked || echo "the peers of .venv/bench, and the plot, will be left out"
	@for program in iprange curl; do command -v $$program >/dev/null \
		|| bash tests/apt-install.sh $$program || echo "what needs $$program will be left out"; done
	@.venv/bin/python -m tests.bench $(ARGS)

check: check-style check-types check-imports check-lock check-docs ## check style, types, imports, the lock and the docs

check-style: .venv/.ready
	@echo "== ruff: style"
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

check-types: .venv/.ready
	@echo "== mypy: types"
	@.venv/bin/mypy

check-imports: .venv/.ready
	@echo "== import-linter: layers and fences"
	@.venv/bin/lint-imports --no-logo

check-docs: .venv/.ready
	@echo "== pytest: README and help against the code"
	@.venv/bin/pytest -q -m "not kernel" tests/test_readme.py tests/test_cli.py

# Not the hashes: a release may gain a wheel after it was locked.
check-lock: .venv/.ready
	$(call check_lock,requirements.lock,$(PRODUCT))
	$(call check_lock,tests/bench/requirements.lock,$(PEERS))

define check_lock
	@echo "== uv: $(1) against pyproject.toml"
	@cp $(1) .venv/resolved
	@$(RESOLVE) $(2) --output-file .venv/resolved >/dev/null || { \
		echo "$(1) is not checked: uv could not resolve pyproject.toml, see above;" \
			"it needs a package index" >&2; exit 1; }
	@diff <($(PINS) $(1)) <($(PINS) .venv/resolved) || { \
		echo "$(1) (<) is not what pyproject.toml needs (>): make lock" >&2; exit 1; }
endef

lock: .venv/.ready ## pin every dependency and its hashes in requirements.lock, and those of tests/bench
	$(call lock,requirements.lock,$(PRODUCT))
	$(call lock,tests/bench/requirements.lock,$(PEERS))

define lock
	@echo "== uv: $(1)"
	@cp $(1) .venv/resolved
	@$(RESOLVE) $(2) --generate-hashes --custom-compile-command "make lock" $(ARGS) \
		--output-file .venv/resolved >/dev/null
	@cmp --silent .venv/resolved $(1) || cp .venv/resolved $(1)
endef

clean: ## remove the virtual environment and all that the tools left behind
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -prune -exec rm -rf {} +

# The locked packages and no others, so it is made anew when the lock changes.
.venv/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "proxyfeed needs Python" \
		" 3.11 or later, $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || bash tests/apt-install.sh python3-venv
	@echo "== venv: .venv, with $$($(PYTHON) --version)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@echo "== pip: the packages of requirements.lock"
	@.venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

# Apart from the product's own, which needs none of them.
.venv/bench/.locked: tests/bench/requirements.lock .venv/.locked
	@echo "== pip: the packages of tests/bench/requirements.lock, in .venv/bench"
	@rm -rf .venv/bench
	@$(PYTHON) -m venv .venv/bench
	@.venv/bench/bin/python -m pip install --quiet --require-hashes -r tests/bench/requirements.lock
	@touch $@

.venv/.ready: .venv/.locked pyproject.toml
	@echo "== pip: proxyfeed, editable"
	@.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
