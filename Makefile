# The course's commands; the same steps for machines without make stand in README.md.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
STAMP := .venv/.installed
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
# uv does in half a minute what takes pip two; where it finds no index (it reads no pip.conf), pip does it.
UV := $(PY) -m uv pip install --python $(PY) --quiet --compile-bytecode --require-hashes -r requirements.lock

.PHONY: help book pdf test check long bench serve lab lock lint clean release grade feedback marks

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

.venv/.locked: requirements.lock
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, this is ' + sys.version.split()[0])"
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes -r tools/installer.lock && $(UV) || $(PIP) --require-hashes -r requirements.lock
	@$(PY) -c "import pathlib; pathlib.Path('$@').touch()"

$(STAMP): .venv/.locked pyproject.toml
	$(PIP) --no-deps --no-build-isolation -e .
	@$(PY) -c "import pathlib; pathlib.Path('$@').touch()"

book: $(STAMP)  ## build the book into _build/html (from scratch when anything changed)
	$(PY) tools/build_book.py

test: book  ## every check: package, notebooks, built book, browser
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest -n auto --dist loadscope --no-loadscope-reorder --nbval-lax tests intro.ipynb chapters

check: test long  ## `make test` and the long checks

long: book
	$(PY) -m pytest -n auto --dist loadscope -m long

pdf: book  ## print the book with Chromium into _build/pdf (CHAPTER=bone for one chapter)
	$(PY) tools/print_book.py $(CHAPTER)

bench: book  ## measure speed side by side, about ten minutes (FULL=1: larger sizes as well)
	$(PY) -m benchmarks $(if $(FULL),--full)

serve: book  ## serve the book on http://localhost:8000
	$(PY) -m http.server --directory _build/html --bind 127.0.0.1 8000

lab: $(STAMP)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab chapters

release grade feedback marks: $(STAMP)
	$(PY) -m classroom $@ $(NAME) $(if $(WORKERS),--workers $(WORKERS))

release:  ## assignments: write the student versions and everyone's data
grade:    ## assignments: grade what was handed in (WORKERS=2, NAME=k-cycle)
feedback: ## assignments: write a page of feedback for each student
marks:    ## assignments: write the marks for Canvas and Moodle

lock: $(STAMP)  ## resolve the dependencies anew into requirements.lock
	$(PY) tools/lock.py

clean:  ## remove the environment and everything that was built
	rm -rf .venv _build .pytest_cache .ruff_cache
