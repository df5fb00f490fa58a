# `make demo` and `make test` need Python 3.11+ and nothing else: they fill .venv on first use.
SHELL := /bin/sh
BIN := .venv/bin
export PYTHON
# Python caches bytecode, or every start would compile its imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check serve bench install lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.base ## Run the offline demonstration and write demo/report.html
	@$(BIN)/shotsmith demo

test: .venv/.all ## Run the tests except the slow ones; ARGS="-k word" picks some
	@$(BIN)/pytest -m "not slow" -n auto --dist loadfile $(ARGS)

check: .venv/.all ## Lint, formatting, strict types, import contracts, start-up files
	@$(BIN)/python -I -S scripts/scan_pth.py .venv
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

serve: .venv/.base ## Start the REST service on http://127.0.0.1:8080
	@$(BIN)/shotsmith serve $(ARGS)

bench: .venv/.all ## Run every benchmark; their JSON goes to benchmarks/results/
	@mkdir -p benchmarks/results
	@set -e; for script in benchmarks/*.py "benchmarks/advisor --json" "benchmarks/cache_costs --json" "benchmarks/prompts --json" \
		"benchmarks/selectors --json" "benchmarks/sweep --json"; do \
		result=benchmarks/results/$$(basename "$${script% *}" .py).json; \
		echo "$$script -> $$result"; \
		$(BIN)/python $$script >"$$result.part"; \
		mv "$$result.part" "$$result"; \
	done

install: .venv/.all ## Install everything for development into .venv

lock: .venv/.all ## Update constraints.txt after a change of dependencies; ARGS=--upgrade renews all
	@sh scripts/lock.sh $(ARGS)

clean: ## Remove caches, builds and the demo's output; .venv stays
	@rm -rf build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find shotsmith tests benchmarks scripts examples -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.base: pyproject.toml constraints.txt scripts/install.sh
	@sh scripts/install.sh
	@touch $@

.venv/.all: pyproject.toml constraints.txt scripts/install.sh
	@sh scripts/install.sh all,dev
	@touch .venv/.base $@
