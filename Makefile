# Two commands for a newcomer: `make run` and `make test`. Both need only Python >= 3.11 and pip; everything goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements

.PHONY: run test check format lock clean

run: .venv/.run          ## set up and watch the demo
	@$(BIN)/channelsync demo $(ARGS)

test: .venv/.dev         ## set up and run all tests
	$(BIN)/pytest $(ARGS)

check: .venv/.dev        ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev       ## what a machine can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: .venv/.dev         ## resolve the dependencies again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml $(LOCK)/build.in -o $(LOCK)/run.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml --extra dev $(LOCK)/build.in -o $(LOCK)/dev.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "channelsync needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python $(LOCK)/run.lock pyproject.toml
	@echo "setting up .venv, half a minute the first time ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(LOCK)/run.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/bin/python $(LOCK)/dev.lock pyproject.toml
	@echo "setting up .venv with the test tools, a minute the first time ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(LOCK)/dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ .venv/.run
