# `make help` shows the commands of most days, and CONTRIBUTING.md the others. Without make, run
# the command beside each. On Windows write .venv\Scripts\ instead of .venv/bin/.

PORT ?= 8000
OUT ?= ..
RUNS ?= 10
SAMPLE ?= 100
SEED ?= 1

# A cache in the template folder would be rendered into every project. Without a cache
# elsewhere, each command that the tests run would compile all libraries again.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

REQUIREMENTS = tools/requirements

.DEFAULT_GOAL := help
.PHONY: help demo new quick test test-all lint fix sizes bench site publish
.PHONY: test-weekly test-containers test-next test-random mutation
.PHONY: manifest reference requirements pictures browsers

help:
	@echo 'make demo      render a project, with people and tasks, and serve it'
	@echo '               (PORT=8000 ANSWERS="accounts=self-service csp=paranoid")'
	@echo '               = .venv/bin/python -m tools.demo 8000'
	@echo 'make new       ask the questions and write the project beside this folder (OUT=.. ANSWERS=...)'
	@echo '               = .venv/bin/python -m tools.new ..'
	@echo 'make quick     the tests of the core alone, but for those that take long, in a minute'
	@echo '               = .venv/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/core'
	@echo '               ; .venv/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/core/accounts'
	@echo 'make test      the tests, with every pair of answers in some render'
	@echo '               = .venv/bin/python -m pytest -n auto --dist worksteal -m "not all and not engine and not weekly"'
	@echo 'make test-all  what those leave out: three browser engines, failing servers, pages of the docs, every combination of answers'
	@echo '               = the same with -m "all and not engine and not weekly"'
	@echo 'make lint      style, formatting, types, MANIFEST, and that no import of the core runs upward: all five, even if one fails'
	@echo '               = .venv/bin/ruff check --no-cache . ; .venv/bin/ruff format --check --no-cache . ; .venv/bin/mypy'
	@echo '               ; .venv/bin/python -m tools.manifest --check'
	@echo '               ; PYTHONPATH={{cookiecutter.project_slug}} .venv/bin/lint-imports --no-cache'
	@echo 'make fix       repair what ruff can of style, and write MANIFEST and what the pages say of the code'
	@echo '               = .venv/bin/ruff check --no-cache --fix . ; .venv/bin/ruff format --no-cache .'
	@echo '               ; .venv/bin/python -m tools.manifest ; .venv/bin/python -m docs.reference'
	@echo 'make sizes     show how large a project and its tests are, and how large they were'
	@echo '               = .venv/bin/python -m tools.sizes'
	@echo 'make bench     measure what a project costs, and write docs/scaling.md and docs/benchmarks.*'
	@echo '               (ONLY="requests gunicorn" for some tables)'
	@echo '               = .venv/bin/python -m tools.benchmarks --only requests gunicorn'
	@echo 'make site      build the site into build/site/, warnings as errors'
	@echo '               = .venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site'
	@echo 'make publish   once, before the first release: write your name and keys into this template (ORG=acme)'
	@echo '               = .venv/bin/python -m tools.publish acme'
	@echo
	@echo 'CONTRIBUTING.md has the others, under "Commands that are needed now and then", and what runs weekly.'
	@echo 'To set this folder up without make:'
	@echo '               python3 -m venv .venv ; .venv/bin/pip install --require-hashes -r $(REQUIREMENTS)/render.txt'
	@echo '               ; .venv/bin/uv pip sync --python .venv --require-hashes $(REQUIREMENTS)/dev.txt'

demo: .venv/bin/cookiecutter
	.venv/bin/python -m tools.demo $(PORT) $(ANSWERS)

new: .venv/bin/cookiecutter
	.venv/bin/python -m tools.new '$(OUT)' $(ANSWERS)

publish: .venv/ready
	.venv/bin/python -m tools.publish '$(ORG)'

quick: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'not slow' tests/core
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'not slow' tests/core/accounts

test: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'not all and not engine and not weekly'

test-all: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m 'all and not engine and not weekly'

test-weekly: .venv/ready
	.venv/bin/python -m pytest -n auto --dist worksteal -m weekly

test-containers: .venv/ready
	.venv/bin/python -m pytest -m engine -rP tests/containers

test-next: .venv/ready
	.ci/next $(NEXT)

test-random: .venv/ready
	.venv/bin/python -m tools.random_runs $(RUNS) 'not all and not engine and not weekly'

lint: .venv/ready
	@failed=; for tool in 'ruff check --no-cache .' 'ruff format --check --no-cache .' mypy 'python -m tools.manifest --check'; do \
		echo ".venv/bin/$$tool"; .venv/bin/$$tool || failed=yes; \
	done; \
	PYTHONPATH='{{cookiecutter.project_slug}}' .venv/bin/lint-imports --no-cache || failed=yes; \
	test -z "$$failed" || { echo 'make fix repairs what ruff can, and writes MANIFEST.'; exit 1; }

# What ruff cannot repair is shown, and stops nothing.
fix: .venv/ready
	.venv/bin/ruff check --no-cache --fix --exit-zero .
	.venv/bin/ruff format --no-cache .
	.venv/bin/python -m tools.manifest
	.venv/bin/python -m docs.reference

sizes: .venv/ready
	.venv/bin/python -m tools.sizes

mutation: .venv/ready
	PYTHONPATH=.venv/mutation .venv/bin/python -m tools.mutation --sample $(SAMPLE) --seed $(SEED) $(if $(PAGE),--page $(PAGE)) $(PACKAGES)

manifest: .venv/ready
	.venv/bin/python -m tools.manifest

# One version of each package for all versions of Python and all systems. The files hold no
# address of a registry, which differs by machine.
COMPILE = .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make requirements'

requirements: .venv/bin/cookiecutter
	$(COMPILE) --group dev --output-file $(REQUIREMENTS)/dev.txt
	$(COMPILE) --group render --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/render.txt
	$(COMPILE) --group babel --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/babel.txt
	$(COMPILE) --group mutation --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/mutation.txt
	if command -v npm >/dev/null; then cd $(REQUIREMENTS)/npm && npm update --package-lock-only; fi

reference: .venv/ready
	.venv/bin/python -m docs.reference

bench: .venv/ready
	.venv/bin/python -m tools.benchmarks $(if $(ONLY),--only $(ONLY))

# Afresh: a page that is built already has its policy.
site: .venv/ready
	rm -rf build/site
	.venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site

pictures: .venv/ready
	.venv/bin/python -m docs.pictures

browsers: .venv/ready
	PYTHONPATH=tests .venv/bin/python -m engines.browser_table

# Rendering needs a tenth of the packages that the tests need. uv is one of them.
.venv/bin/cookiecutter: $(REQUIREMENTS)/render.txt
	@command -v python3 >/dev/null || { echo 'python3 was not found: install Python 3.11 or newer.'; exit 1; }
	@python3 -c 'import sys; sys.exit("This needs Python 3.11 or newer; python3 here is %d.%d." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'Sets up this folder, once: about a minute.'
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)/render.txt
	@touch .venv/bin/cookiecutter

.venv/ready: $(REQUIREMENTS)/dev.txt $(REQUIREMENTS)/babel.txt $(REQUIREMENTS)/mutation.txt | .venv/bin/cookiecutter
	.venv/bin/uv pip sync --python .venv --require-hashes $(REQUIREMENTS)/dev.txt
	.venv/bin/uv pip install --quiet --python .venv --target .venv/babel --require-hashes -r $(REQUIREMENTS)/babel.txt
	.venv/bin/uv pip install --quiet --python .venv --target .venv/mutation --require-hashes -r $(REQUIREMENTS)/mutation.txt
	@touch .venv/ready
