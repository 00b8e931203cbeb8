# Each target is a thin wrapper round the command named in its help line.
# The commands need no make: on Windows write .venv\Scripts\ for .venv/bin/.

PORT ?= 8000
OUT ?= ..

# A cache left in the template folder would be rendered into every project. Without
# one, each of the many commands that the tests run would compile all libraries anew.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: demo new test test-all lint bench pictures help asvs

help:
	@echo 'make demo       serve a project with the default answers (PORT=8000)'
	@echo '                = .venv/bin/python demo.py 8000'
	@echo 'make new        ask the questions and write the project beside this folder (OUT=..)'
	@echo '                = .venv/bin/cookiecutter . --output-dir ..'
	@echo 'make test       the tests, with every pair of answers in some render'
	@echo '                = .venv/bin/python -m pytest -n auto --dist worksteal'
	@echo 'make test-all   the same with every combination of answers'
	@echo '                = EVERY_COMBINATION=1 in the environment, then as above'
	@echo 'make lint       style, formatting and types'
	@echo '                = .venv/bin/ruff check --no-cache . ; .venv/bin/ruff format --check --no-cache . ; .venv/bin/mypy'
	@echo 'make asvs       docs/asvs.md of each kind of token, from the marks on the tests'
	@echo '                = .venv/bin/python tests/asvs_tables.py'
	@echo 'make bench      the costs that the README states, measured here'
	@echo '                = .venv/bin/python -m benchmarks'
	@echo 'make pictures   the pictures of the starter page in docs/, taken anew; needs Chromium'
	@echo '                = .venv/bin/python -m docs.pictures'
	@echo '(first)         python3 -m venv .venv ; .venv/bin/pip install uv ; .venv/bin/uv sync'

demo: .venv/bin/cookiecutter
	.venv/bin/python demo.py $(PORT)

new: .venv/bin/cookiecutter
	.venv/bin/cookiecutter . --output-dir '$(OUT)'

test: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal

test-all: .venv/ready
	EVERY_COMBINATION=1 .venv/bin/python -m pytest -n auto --dist worksteal

lint: .venv/ready
	.venv/bin/ruff check --no-cache .
	.venv/bin/ruff format --check --no-cache .
	.venv/bin/mypy

asvs: .venv/ready
	.venv/bin/python tests/asvs_tables.py

bench: .venv/ready
	.venv/bin/python -m benchmarks

pictures: .venv/ready
	.venv/bin/python -m docs.pictures

# Rendering needs a tenth of what the tests need.
.venv/bin/cookiecutter: | .venv/bin/uv
	.venv/bin/uv sync --only-group render

.venv/ready: pyproject.toml | .venv/bin/uv
	.venv/bin/uv sync
	@touch .venv/ready

.venv/bin/uv:
	@command -v python3 >/dev/null || { echo 'python3 was not found: install Python 3.11 or newer.'; exit 1; }
	@python3 -c 'import sys; sys.exit("This needs Python 3.11 or newer; python3 here is %d.%d." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	python3 -m venv .venv
	.venv/bin/pip install uv
