# Everything a developer types. `make demo` and `make test` need Python 3.11 or newer and nothing else.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PYTEST := $(PYTHON) -m pytest
# Tests of engines are one group, so one of the two processes has all of them and each engine is started once.
WORKERS := -n 2 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help setup fmt check lint integration integration-trino test bench demo clean

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

integration: $(STAMP) ## the tests against real engines (JDK 17, Maven, unixODBC with FreeTDS, PostgreSQL; Trino: JDK 25)
	$(PYTEST) -m integration

integration-trino: $(STAMP) ## those of Trino alone
	$(PYTEST) tests/integration/trino

test: lint ## all of it; engines that cannot start are skipped with the reason, where CI is set they fail
	$(PYTEST) $(WORKERS)

bench: $(STAMP) ## benchmarks, written to benchmarks/results.md
	$(PYTHON) -m benchmarks

demo: $(STAMP) ## one question over three example hospitals
	@$(VENV)/bin/hospital-gateway demo

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
