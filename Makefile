# `make help` lists the targets. Each installs what it needs itself: a virtual environment in this checkout, and a control plane in a
# per-user cache (built once, about ten minutes).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first that really starts and is new enough: a version manager's shim may stand on the PATH for one that isn't active.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := core/update_core kube/update_kube operator/update_operator omaha_api/omaha_api cli/updatectl
CHECKED := $(SOURCES) tests tools bench fuzz

WORKERS ?= 3
PYTEST_ARGS ?=
RULES_ARGS ?=
# Whoever runs them with bytecode switched off would compile the sources anew in each of some hundred processes.
TESTS = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS)
DEMO_ARGS ?=
SECONDS ?= 60
TIMES ?= 10
BENCH_ARGS ?=

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Create the virtual environment with everything in it

.PHONY: demo
demo: $(INSTALLED) ## The guide's walk-through from end to end on a control plane of its own; DEMO_ARGS="--seed 7"
	@$(BIN)/updatectl local demo $(DEMO_ARGS)

.PHONY: up
up: $(INSTALLED) ## Start everything on this machine and print what to do next
	@$(BIN)/updatectl local up

.PHONY: down
down: $(INSTALLED) ## Stop what `make up` started; its data stays
	@$(BIN)/updatectl local down

.PHONY: status
status: $(INSTALLED) ## What of the local mode runs
	@$(BIN)/updatectl local status

.PHONY: postgresql
postgresql: ## A PostgreSQL server's programs for the tests, where they are missing and can be installed
	@tools/postgresql/ensure

.PHONY: test
test: lint postgresql ## Lint, then every test but those of make test-slow; PYTEST_ARGS="-k rate"
	@$(TESTS) -m "not slow" $(PYTEST_ARGS)

.PHONY: test-slow
test-slow: $(INSTALLED) postgresql ## The tests that make test leaves out: long courses end to end, of what it shows in parts
	@$(TESTS) -m slow $(PYTEST_ARGS)

.PHONY: test-properties
test-properties: $(INSTALLED) postgresql ## Search with other random examples, TIMES as many as make test tries; PYTEST_ARGS="-k course"
	@PROPERTY_TIMES=$(TIMES) $(TESTS) -m hypothesis $(PYTEST_ARGS)

.PHONY: test-rules
test-rules: $(INSTALLED) ## Take each rule of the rollouts out in turn, and print which test fails then; RULES_ARGS="--only approval"
	@$(BIN)/python tools/rule_mutations.py $(RULES_ARGS)

.PHONY: test-chaos
test-chaos: $(INSTALLED) postgresql ## A fleet of 100,000 on two replicas while everything goes wrong: no limit exceeded by one
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m slow tests/unit/rollout_proof/test_fleet_in_chaos.py $(PYTEST_ARGS)

.PHONY: lint
lint: $(INSTALLED) ## ruff, format, mypy --strict, import-linter, generated files up to date
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tools/generate_crds.py --check
	@$(BIN)/python bench/table.py --check
	@$(BIN)/python tools/generate_conformance.py --check
	@$(BIN)/python tools/generate_rollout_docs.py --check

.PHONY: format
format: $(INSTALLED) ## Rewrite the sources in the project's format
	@$(BIN)/ruff check --fix $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

.PHONY: crds
crds: $(INSTALLED) ## Regenerate crds/ from the models
	@$(BIN)/python tools/generate_crds.py

.PHONY: conformance
conformance: $(INSTALLED) ## Regenerate docs/omaha-conformance.md from its tests
	@$(BIN)/python tools/generate_conformance.py

.PHONY: rollout-docs
rollout-docs: $(INSTALLED) ## Regenerate the tables and diagrams of docs/rollouts.md from the rules
	@$(BIN)/python tools/generate_rollout_docs.py

.PHONY: bench
bench: $(INSTALLED) ## What checks, grants, starts and large fleets cost, as JSON; BENCH_ARGS="--only steady_xml"
	@$(BIN)/python bench/run.py $(BENCH_ARGS)

# Not among what every checkout installs: it is a large wheel, and not there for every platform.
FUZZER := $(VENV)/.fuzzer
$(FUZZER): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,fuzz]'
	@$(BIN)/python -c 'import atheris' || { echo "atheris has no build for this Python or platform" >&2; exit 1; }
	@touch $@

.PHONY: fuzz
fuzz: $(FUZZER) ## Look for requests that break what must hold; SECONDS=300
	@$(BIN)/python fuzz/run.py --seconds $(SECONDS)

.PHONY: fuzz-replay
fuzz-replay: $(INSTALLED) ## What an input that was found does; FILE=build/fuzz/serve/findings/crash-…
	@$(BIN)/python fuzz/replay.py $(FILE)

.PHONY: fuzz-corpus
fuzz-corpus: $(FUZZER) ## Take what the fuzzer found interesting into the corpus that the tests run
	@$(BIN)/python fuzz/gather.py

.PHONY: constraints
constraints: ## Renew constraints.txt from the newest versions that pyproject.toml allows
	@rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	@build/constraints/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@{ echo "# Exact versions that are tested together; make constraints renews them."; \
	   build/constraints/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	@rm -rf build/constraints

.PHONY: clean
clean: ## Remove what was installed and generated in this checkout; the control-plane cache stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(SOURCES) tests tools bench fuzz -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
