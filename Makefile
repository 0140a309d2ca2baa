# `make demo` and `make test` do everything on a fresh machine. PYTHON picks the interpreter (3.11 or newer).
# On Linux plain PyPI serves torch with gigabytes of CUDA. For the CPU build:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
# WORKERS: processes that share the tests; each loads a model of its own.
PYTHON ?= python3
TORCH_INDEX ?=
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check format setup clean

demo: $(READY)
	$(BIN)/earshot demo $(DEMO)

test: $(READY)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

setup: $(READY)

# torch first and pinned: sentence-transformers alone would take the newest, with CUDA.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0 $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(BIN)/pip install --quiet --editable '.[dev,multilingual]'
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
