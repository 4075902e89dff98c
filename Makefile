# Every command of the project; `make` alone lists them.
# Variables: PYTHON (3.11 or newer), ARGS (passed on to pytest or the benchmark), JOBS (test processes),
#            HOST, PORT, DATA_DIR, GATEWAY_CONFIG (for `make run`).

PYTHON ?= python3
ARGS ?=
# Test processes: one more than the processors of a small machine, for half of the tests' time is waiting. Tests
# use free ports and directories of their own; a file stays in one process (tests/conftest.py orders the files).
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
METADATA := setup.cfg pyproject.toml
# Tools for the browser code; node and npm are needed for nothing but development.
JS := tests/js/node_modules
JS_TOOLS := $(JS)/.bin
WIDGET := static/widget static/lib static/demo static/operator/*.js static/console/*.js tests/js

.DEFAULT_GOAL := help
.PHONY: help setup run test lint lintjs bench faults docs clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(VENV)/.test $(VENV)/.lint ## create .venv with everything for development

run: export HOST ?= 127.0.0.1
run: export PORT ?= 8080
run: export DATA_DIR ?= ./data
run: export GATEWAY_CONFIG ?= examples/demo.ini
run: $(VENV)/.runtime ## serve the demo on http://127.0.0.1:8080/demo/
	@exec $(BIN)/gunicorn -c gunicorn.conf.py wsgi:app

# Bytecode is kept: more than a hundred gateways are started, and each would compile the whole package again.
test faults: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.test ## run the tests; REQUIRE_ALL=1 makes a missing browser or npm a failure
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.lint ## check style, types, import rules and the option reference
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p gateway.bayeux -p gateway.model -p gateway.routing
	$(BIN)/lint-imports
	$(BIN)/gateway config docs --check
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory lintjs; \
	else echo 'NOT RUN lint of static/: node or npm is not installed'; test "$(REQUIRE_ALL)" != 1; fi

# The browser code: types, rules, formatting.
lintjs: $(JS)/.lint
	$(JS_TOOLS)/tsc -p tests/js
	$(JS_TOOLS)/eslint -c tests/js/eslint.config.js $(WIDGET)
	$(JS_TOOLS)/prettier --check --log-level warn $(WIDGET)

bench: $(VENV)/.bench ## measure and write docs/performance.md (ARGS=--quick: 3 minutes, no page)
	$(BIN)/python tests/bench/run.py $(ARGS)

faults: $(VENV)/.test ## run only the fault injection tests
	$(BIN)/pytest tests/faults $(ARGS)

docs: $(VENV)/.runtime ## write docs/options.md from the option registry
	$(BIN)/gateway config docs

clean: ## remove .venv and caches (never ./data)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find gateway tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: what is installed in .venv. They are renewed when the package metadata changes.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created $(METADATA)
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(PIP) --editable '.[test]'
	@touch $@

# Without the plot library the figures are measured all the same.
$(VENV)/.bench: $(VENV)/.runtime
	@if $(PIP) --editable '.[bench]'; then touch $@; else echo 'matplotlib cannot be installed: no plot'; fi

$(VENV)/.lint: $(VENV)/.runtime
	$(PIP) --editable '.[lint]'
	@touch $@

$(JS)/.lint: tests/js/package.json
	npm install --prefix tests/js --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel error
	@touch $@
