# `make help` shows the command of each target. Without make, run these commands.
# On Windows write .venv\Scripts\ instead of .venv/bin/.

PORT ?= 8000
OUT ?= ..

# A cache in the template folder would be rendered into every project. Without a cache
# elsewhere, each command that the tests run would compile all libraries again.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: demo new test test-all test-containers lint manifest reference bench pictures browsers site help

help:
	@echo 'make demo       render a project with the default answers and serve it (PORT=8000)'
	@echo '                = .venv/bin/python demo.py 8000'
	@echo 'make new        ask the questions and write the project beside this folder (OUT=..)'
	@echo '                = .venv/bin/cookiecutter . --output-dir ..'
	@echo 'make test       the tests, with every pair of answers in some render'
	@echo '                = .venv/bin/python -m pytest -n auto --dist worksteal -m "not all and not engine"'
	@echo 'make test-all   what those leave out: three browser engines, failing servers, pages of the docs, every combination of answers'
	@echo '                = the same with -m "all and not engine"'
	@echo 'make test-containers'
	@echo '                the tests in a container engine: .ci/engine make test-containers'
	@echo '                = .venv/bin/python -m pytest -m engine -rP tests/test_containers.py tests/test_dev_container.py'
	@echo 'make lint       style, formatting, types, and that no import of the core runs upward'
	@echo '                = .venv/bin/ruff check --no-cache . ; .venv/bin/ruff format --check --no-cache . ; .venv/bin/mypy'
	@echo '                ; PYTHONPATH={{cookiecutter.project_slug}} .venv/bin/lint-imports --no-cache'
	@echo 'make manifest   write secure_flask/MANIFEST after each change of the core'
	@echo '                = PYTHONPATH={{cookiecutter.project_slug}}/secure_flask .venv/bin/python -B -c'
	@echo '                  "from update import CORE, manifest; (CORE / \"MANIFEST\").write_text(manifest())"'
	@echo 'make reference  write what the code says into docs/reference/, after each change of it'
	@echo '                = .venv/bin/python -m docs.reference'
	@echo 'make bench      measure what a project costs, and write docs/benchmarks.md, .svg and .json'
	@echo '                = .venv/bin/python -m benchmarks'
	@echo 'make site       build the site into build/site/, warnings as errors'
	@echo '                = .venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site'
	@echo 'make pictures   take the pictures in docs/ again; needs Chromium'
	@echo '                = .venv/bin/python -m docs.pictures'
	@echo 'make browsers   write docs/browsers.md again; needs Chromium, Firefox, WebKitWebDriver and Xvfb'
	@echo '                = .venv/bin/python tests/browser_table.py'
	@echo '(first)         python3 -m venv .venv ; .venv/bin/pip install uv ; .venv/bin/uv sync'

demo: .venv/bin/cookiecutter
	.venv/bin/python demo.py $(PORT)

new: .venv/bin/cookiecutter
	.venv/bin/cookiecutter . --output-dir '$(OUT)'

test: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'not all and not engine'

test-all: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'all and not engine'

test-containers: .venv/ready
	.venv/bin/python -m pytest -m engine -rP tests/test_containers.py tests/test_dev_container.py

lint: .venv/ready
	.venv/bin/ruff check --no-cache .
	.venv/bin/ruff format --check --no-cache .
	.venv/bin/mypy
	PYTHONPATH='{{cookiecutter.project_slug}}' .venv/bin/lint-imports --no-cache

manifest: .venv/ready
	PYTHONPATH='{{cookiecutter.project_slug}}/secure_flask' .venv/bin/python -B -c "from update import CORE, manifest; (CORE / 'MANIFEST').write_text(manifest())"

reference: .venv/ready
	.venv/bin/python -m docs.reference

bench: .venv/ready
	.venv/bin/python -m benchmarks

# Afresh: a page that is built already has its policy.
site: .venv/ready
	rm -rf build/site
	.venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site

pictures: .venv/ready
	.venv/bin/python -m docs.pictures

browsers: .venv/ready
	.venv/bin/python tests/browser_table.py

# Rendering needs a tenth of the packages that the tests need.
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
