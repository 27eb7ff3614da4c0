# The verbs of this project. Only this file and .ci/run need a POSIX system; CONTRIBUTING.md has the steps for Windows.

BIN     := .venv/bin
READY   := .venv/.ready
WORKERS ?= 2
ARGS    ?=

FITS   := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do "$$p" -c '$(FITS)' 2>/dev/null && echo "$$p" && break; done)

export DAGSTER_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo ui docs bench test faults check format format-check lint typecheck floors definitions portable collected lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything in it; does nothing until the lock file changes

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; none is on the path. Name one: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c '$(FITS)' || { echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1); Python 3.11, 3.12 or 3.13 is needed." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing what requirements-dev.lock names into .venv (about a minute) ..."
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Read a simulated Sage 300 into a lake and show what arrived
	$(BIN)/sage300 demo $(ARGS)

ui: $(READY) ## Open Dagster's web pages over a simulated Sage 300
	$(BIN)/sage300 dev --demo $(ARGS)

docs: $(READY) ## Write the pages that are generated from the catalogue
	$(BIN)/sage300 docs $(ARGS)

bench: $(READY) ## Measure reading and writing
	$(BIN)/sage300 bench $(ARGS)

test: $(READY) ## Run the tests; ARGS="-k orders" chooses
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

faults: $(READY) ## Break everything that can be broken, for an hour and a half; ends with var/faults/report.md
	$(BIN)/python -m sage300_assets_tests.faults -n $(WORKERS) --dist worksteal $(ARGS)

check: format-check lint typecheck floors portable ## Everything that can be said without running the code

format: $(READY) ## Lay out the code and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix-only --quiet

format-check: $(READY) ## Fail if `make format` would lay out a file anew
	$(BIN)/ruff format --check

lint: $(READY) ## Look for mistakes
	$(BIN)/ruff check

typecheck: $(READY) ## Check the types
	$(BIN)/mypy

floors: $(READY) ## Fail if an import goes up
	$(BIN)/lint-imports --no-cache

definitions: $(READY) ## Load everything Dagster loads
	$(BIN)/dg check defs

# Files of this repository must serve on any machine. The brackets keep the pattern from finding itself.
MACHINE := py[p]i\.|python[h]osted|://[^ ]*/[s]imple|(^|[^[:alnum:]_.~])/([r]oot|[w]ork|[h]ome/[a-z]+|[U]sers/[a-z]+)/

portable: ## Fail if a file names a package index or a path of one machine, or a lock file any address
	@git grep --no-index --exclude-standard -nIE '$(MACHINE)' -- .; case $$? in \
		0) echo "These lines name a package index or a path of one machine." >&2; exit 1;; 1) ;; *) exit 2;; esac
	@grep -nE 'https?:|://|@ |^-|==.*[^\]$$' requirements.lock requirements-dev.lock; case $$? in \
		0) echo "A lock file holds names, versions and hashes only, and no version without its hashes." >&2; exit 1;; 1) ;; *) exit 2;; esac

collected: $(READY) ## Fail if there are fewer tests than sage300_assets_tests/COLLECTED says
	@wanted=$$(cat sage300_assets_tests/COLLECTED) || exit 1; \
	listed=$$($(BIN)/python -m pytest --collect-only --quiet 2>&1); code=$$?; \
	case $$code in 0|5) ;; *) echo "$$listed" | tail -n 40 >&2; exit $$code;; esac; \
	found=$$(echo "$$listed" | sed -n 's/^\([0-9][0-9]*\) tests\{0,1\} collected.*/\1/p'); found=$${found:-0}; \
	echo "$$found tests collected, $$wanted expected at least"; \
	if [ "$$found" -lt "$$wanted" ]; then echo "Tests were lost. If on purpose, lower sage300_assets_tests/COLLECTED and say why." >&2; exit 1; fi; \
	if [ "$$found" -gt "$$wanted" ]; then echo "Keep them: echo $$found > sage300_assets_tests/COLLECTED"; fi

lock: $(READY) ## Make the lock files anew; ARGS=--upgrade takes newer versions
	$(BIN)/uv pip compile pyproject.toml --extra postgres $(ARGS) --output-file requirements.lock >/dev/null
	$(BIN)/uv pip compile pyproject.toml --extra postgres --group dev --group bench --constraint requirements.lock $(ARGS) --output-file requirements-dev.lock >/dev/null

clean: ## Remove caches and what was built; the lake stays, and so does .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .tmp_dagster_home_*
	find sage300_assets sage300_assets_tests -type d -name __pycache__ -prune -exec rm -rf {} +
