# make run    set everything up, then run the main job on an embedded default
# make test   set everything up, then pass the tests
# make check  what CI runs: format, lint, types, import contracts, tests
PY ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready-$(shell cat pyproject.toml constraints.txt Makefile 2>/dev/null | sha256sum | cut -c1-12)
ARGS ?=

# One thread a process: on few cores, several threads slow small models down up to twenty times.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1
export HF_DATASETS_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: run test check format lint types imports bench slow lock calibrate clean help

help:
	@sed -n 's/^# //p' Makefile | head -3

$(STAMP):
	@command -v $(PY) >/dev/null || { echo "$(PY) is not here: on Debian, apt-get install python3.11 python3-venv"; exit 2; }
	@test -x $(BIN)/python || { echo "making the virtual environment $(VENV)"; $(PY) -m venv $(VENV); }
	@echo "installing pinned dependencies (some minutes the first time)"
	@$(BIN)/python -m pip install -q -c constraints.txt pip setuptools wheel
	@$(BIN)/python -m pip install -q -c constraints.txt torch==2.13.0
	@$(BIN)/python -m pip install -q --prefer-binary -c constraints.txt -e '.[test]'
	@rm -f $(VENV)/.ready-*; touch $@

run: $(STAMP)
	@$(BIN)/verify demo $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

slow: $(STAMP)
	@$(BIN)/python -m pytest -m 'slow or shared_data or gpu' $(ARGS)

check: format lint types imports test

format: $(STAMP)
	@$(BIN)/ruff format --check .

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/verify suites lint accuracy bias robustness privacy safety

types: $(STAMP)
	@$(BIN)/mypy

imports: $(STAMP)
	@$(BIN)/lint-imports

bench: $(STAMP)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

calibrate: $(STAMP)
	@$(BIN)/verify calibrate $(ARGS)

# A new set of pins, from an unconstrained resolution in an environment of its own.
lock:
	rm -rf .lockenv && $(PY) -m venv .lockenv && .lockenv/bin/python -m pip install -q -U pip setuptools wheel
	.lockenv/bin/python -m pip install -q torch==2.13.0 && .lockenv/bin/python -m pip install -q --prefer-binary -e '.[test]'
	.lockenv/bin/python -m pip freeze --all --exclude-editable | sed -E 's/\+[A-Za-z0-9.]+$$//' > constraints.txt
	rm -rf .lockenv

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
