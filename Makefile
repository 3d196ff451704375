# `make demo` shows hms_backup at work on an embedded PostgreSQL; `make help` lists the rest.

MINIMUM := 3.11
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$each; break; fi; done)
VENV ?= .venv
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
SCREENSHOTS ?= build/screenshots
RUN := $(VENV)/bin/python
PORT ?= 8000
PYTEST_ARGS ?= --numprocesses auto
PYTEST := $(RUN) -m pytest $(PYTEST_ARGS)

.DEFAULT_GOAL := help
.PHONY: help demo run test test-postgresql test-sqlite test-browser screenshots lint format bench stop clean

help:
	@echo 'make demo         back up, damage and restore an example hospital'
	@echo 'make run          open the example hospital in a browser, http://127.0.0.1:$(PORT)/'
	@echo 'make test         the whole test suite, on PostgreSQL and on SQLite'
	@echo 'make test-browser the example hospital in a real browser (needs Chromium)'
	@echo 'make screenshots  the same, and the pictures of the pages that the documents show'
	@echo 'make lint         ruff, mypy, import-linter, missing migrations'
	@echo 'make format       let ruff rewrite the code'
	@echo 'make bench        measure against pg_dump, pg_restore, dumpdata and loaddata'
	@echo 'make stop         stop the example hospital'"'"'s database'
	@echo 'make clean        remove everything that make made'

demo: $(VENV)/.example
	$(RUN) -m example_project.demo

run: $(VENV)/.example
	$(RUN) example_project/manage.py setup_hospital
	$(RUN) example_project/manage.py runserver 127.0.0.1:$(PORT)

test: test-postgresql test-sqlite

test-postgresql: $(VENV)/.dev
	TEST_DATABASE=postgresql $(PYTEST)

test-sqlite: $(VENV)/.dev
	TEST_DATABASE=sqlite $(PYTEST)

test-browser: $(VENV)/.dev
	@if [ -z '$(CHROMIUM)' ]; then \
		echo 'The browser tests need Chromium. On Debian or Ubuntu: apt-get install chromium' >&2; \
		echo 'Or say where it is: make CHROMIUM=/path/to/chromium test-browser' >&2; \
		exit 1; fi
	HMS_TEST_BROWSER='$(CHROMIUM)' SCREENSHOTS='$(SCREENSHOTS)' TEST_DATABASE=postgresql \
		$(RUN) -m pytest --numprocesses 2 --dist loadfile tests/browser

screenshots: test-browser
	@for picture in $(SCREENSHOTS)/*.png; do \
		if grep -q "images/$$(basename $$picture)" README.md docs/*.md; then \
			cp "$$picture" docs/images/; fi; done

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	TEST_DATABASE=sqlite $(RUN) -m django makemigrations --check --dry-run --settings tests.settings

format: $(VENV)/.dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench: $(VENV)/.dev
	$(RUN) -m benchmarks.bench

stop:
	@if [ -x $(RUN) ]; then $(RUN) -m example_project.database stop; fi

clean: stop
	rm -rf $(VENV) .venv-* example_project/.data example_project/backups benchmarks/.data \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

# A stamp is written only after the installation succeeded, so an interrupted one is resumed.
$(VENV)/.example: pyproject.toml | $(VENV)/bin/pip
	$(RUN) -m pip install --quiet --editable '.[example]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/pip
	$(RUN) -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.example

$(VENV)/bin/pip:
	@if [ -z '$(PYTHON)' ]; then \
		echo 'hms_backup needs Python $(MINIMUM) or newer, and none was found on PATH.' >&2; \
		echo 'Install one, or say which to use: make PYTHON=/path/to/python demo' >&2; \
		exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { \
		echo 'That Python cannot make virtual environments.' >&2; \
		echo 'On Debian or Ubuntu: apt-get install python3-venv' >&2; \
		rm -rf $(VENV); exit 1; }
