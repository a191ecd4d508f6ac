# make demo: installs, then runs everything on a phantom cohort.   make test: lint, types, layers, tests.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# What `make app` and `make mlflow` show: the demo's workspace once there is one, else this folder.
WORKSPACE ?= $(if $(wildcard demo/runs),demo,.)
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: help install demo app mlflow test lint types layers unit docs screenshots clean

help:
	@echo "make demo     install, then run everything on a phantom cohort (about 6 minutes)"
	@echo "make install  make the virtual environment in $(VENV)"
	@echo "make app      start the app and print the link that opens it"
	@echo "make mlflow   open the MLflow UI on http://127.0.0.1:5000"
	@echo "make test     lint, types, layers, tests"
	@echo "make screenshots  pictures of every page in every state, in OUT=screenshots (FROM=demo: those of the docs)"
	@echo "make docs     write docs/reference from the settings"

# torch goes first: where pip's index offers a CPU build of the pinned release, that one satisfies all the rest.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,onnx,ray]'
	touch $@

install: $(VENV)/installed

demo: install
	$(BIN)/workbench demo --workspace demo

app: install
	$(BIN)/workbench app --workspace $(WORKSPACE)

mlflow: install
	$(BIN)/workbench mlflow --workspace $(WORKSPACE)

test: lint types layers unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/pyright

layers: install
	$(BIN)/lint-imports

unit: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term --cov-fail-under=90

OUT ?= screenshots
screenshots: install
	$(BIN)/python -m tests.app.picturing $(OUT) $(FROM)

docs: install
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache
