# One command each: run the demo, test, check. Needs Python 3.11 or newer, pip and make; everything goes into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test thorough prove planted bench check format lock clean

run: $(READY)  ## four stand-ins, the daemon and shoppers, on this machine; ARGS="--faults --for 60s"
	$(BIN)/channelsync demo $(ARGS)

test: $(READY)
	$(BIN)/pytest $(ARGS)

thorough: $(READY)  ## the tests with all worlds, requests and spoiled answers of which a test run takes a part
	CHANNELSYNC_SEEDS=300 CHANNELSYNC_SCHEMA_EXAMPLES=200 CHANNELSYNC_FUZZ_INPUTS=10000 $(BIN)/pytest $(ARGS)

prove: $(READY)  ## every promise as a figure: simulated worlds, kills of the daemon and of its database; ARGS="--profile long"
	$(BIN)/python -m channelsync.testing.proof --out build $(ARGS)

planted: $(READY)  ## a table of all planted bugs and what caught each, also as JSON; some minutes
	$(BIN)/pytest -q --planted build/planted.json tests/test_planted_bugs.py tests/push/test_planted_flaws.py tests/push/test_guarding.py \
		tests/conformance/test_the_kit.py tests/ledger/test_model.py tests/simulate/test_broken_variants.py $(ARGS)

bench: $(READY)  ## large catalogues and files, large ledgers, a sale's way to the other shops, nodes, and reserving; ARGS="--listings 10000", FILE_ARGS="--rows 10000", SHELF_ARGS="--sizes 1000 1000000", STANDING_ARGS="--sizes 1000000", CROSSING_ARGS="--rates 50", NODE_ARGS="--rounds 3", TAKEOVER_ARGS="--times 3", RATIO_ARGS="hot --rounds 3"
	$(BIN)/python benchmarks/catalogue.py $(ARGS)
	$(BIN)/python benchmarks/files.py $(FILE_ARGS)
	$(BIN)/python -m benchmarks.shelves $(SHELF_ARGS)
	$(BIN)/python -m benchmarks.standing $(STANDING_ARGS)
	$(BIN)/python -m benchmarks.crossing $(CROSSING_ARGS)
	$(BIN)/python -m benchmarks.nodes $(NODE_ARGS)
	$(BIN)/python -m benchmarks.takeover $(TAKEOVER_ARGS)
	$(BIN)/python -m benchmarks $(RATIO_ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## after a change of the dependencies in pyproject.toml
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links pyproject.toml --output-file requirements.lock
	sed -i '1i # Every dependency of the daemon, its tests and its checks, pinned with hashes, for Python 3.11 and newer. Made by `make lock`.\n' requirements.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)
