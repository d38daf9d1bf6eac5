# Everything a developer types. `make demo` and `make test` need Python 3.11 or newer and nothing else.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# Tests of engines go into their own process: their servers are shared by the session.
PYTEST := $(PYTHON) -m pytest
WORKERS := -n 2

.DEFAULT_GOAL := help
.PHONY: help setup fmt check lint unit integration test bench demo clean

help: ## show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv with the gateway and the tools (done by the others when needed)

# Once per change of pyproject.toml.
$(STAMP): pyproject.toml .ci/make_venv.sh
	@sh .ci/make_venv.sh $(VENV)
	@touch $(STAMP)

fmt: $(STAMP) ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lint: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

check: lint ## format, ruff, mypy, import contracts, fast tests
	$(PYTEST) $(WORKERS) -m "not slow and not integration"

integration: $(STAMP) ## the tests against real engines
	@$(PYTEST) -m integration || { [ $$? -eq 5 ] && echo "this release has no engine tests yet"; }

test: lint ## all of it; the last line is pytest's
	$(PYTEST) $(WORKERS)

bench: $(STAMP) ## benchmarks, written to benchmarks/results.md
	$(PYTHON) -m benchmarks

demo: $(STAMP) ## one question over three example hospitals
	@$(VENV)/bin/hospital-gateway demo

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
