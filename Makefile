# `make help` shows the command of each target. Without make, run these commands.
# On Windows write .venv\Scripts\ instead of .venv/bin/.

PORT ?= 8000
OUT ?= ..
RUNS ?= 10
SAMPLE ?= 100
SEED ?= 1

# A cache in the template folder would be rendered into every project. Without a cache
# elsewhere, each command that the tests run would compile all libraries again.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: demo new adopt publish quick test test-all test-weekly test-containers test-next test-random lint fix sizes bite manifest pins reference bench pictures browsers site help

help:
	@echo 'make demo       render a project, with people and tasks, and serve it'
	@echo '                (PORT=8000 ANSWERS="accounts=self-service csp=paranoid")'
	@echo '                = .venv/bin/python demo.py 8000'
	@echo 'make new        ask the questions and write the project beside this folder (OUT=.. ANSWERS=...)'
	@echo '                = .venv/bin/python new.py ..'
	@echo 'make adopt      bring the core to a Flask app that exists, as one commit of it (APP=../their-app)'
	@echo '                = .venv/bin/python adopt.py ../their-app'
	@echo 'make publish    write your name and keys into a fork of this template (ORG=acme)'
	@echo '                = .venv/bin/python publish.py acme'
	@echo 'make quick      the tests of the core alone, but for those that take long, in a minute'
	@echo '                = .venv/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/core'
	@echo '                ; .venv/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/core/accounts'
	@echo 'make test       the tests, with every pair of answers in some render'
	@echo '                = .venv/bin/python -m pytest -n auto --dist worksteal -m "not all and not engine and not weekly"'
	@echo 'make test-all   what those leave out: three browser engines, failing servers, pages of the docs, every combination of answers'
	@echo '                = the same with -m "all and not engine and not weekly"'
	@echo 'make test-weekly'
	@echo "                what the docs say of other people's packages, and long runs; a weekly job runs them too"
	@echo '                = the same with -m weekly'
	@echo 'make test-containers'
	@echo '                the tests in a container engine: .ci/engine make test-containers'
	@echo '                = .venv/bin/python -m pytest -m engine -rP tests/test_containers.py tests/test_dev_container.py'
	@echo 'make test-next  the tests of the core and of two projects with the main branches of Flask and Werkzeug'
	@echo '                (or with wheels: NEXT="flask.whl werkzeug.whl")'
	@echo '                = .ci/next'
	@echo 'make test-random RUNS=10'
	@echo '                the tests of make test ten times in a random order, every second time on busy processors'
	@echo '                = .venv/bin/python tests/random_runs.py 10 "not all and not engine and not weekly"'
	@echo 'make lint       style, formatting, types, MANIFEST, and that no import of the core runs upward: all five, even if one fails'
	@echo '                = .venv/bin/ruff check --no-cache . ; .venv/bin/ruff format --check --no-cache . ; .venv/bin/mypy'
	@echo '                ; .venv/bin/python manifest.py --check'
	@echo '                ; PYTHONPATH={{cookiecutter.project_slug}} .venv/bin/lint-imports --no-cache'
	@echo 'make fix        repair what ruff can of style, and write what make manifest and make reference write'
	@echo '                = .venv/bin/ruff check --no-cache --fix . ; .venv/bin/ruff format --no-cache .'
	@echo '                ; .venv/bin/python manifest.py ; .venv/bin/python -m docs.reference'
	@echo 'make sizes      show how large a project and its tests are'
	@echo '                = .venv/bin/python tests/sizes.py'
	@echo 'make bite       break the core in 100 places of each folder, one at a time, and show what no test notices'
	@echo '                (SAMPLE=100 SEED=1 PACKAGES="crypto web" PAGE=docs/bite.md; a run that was stopped goes on)'
	@echo '                = PYTHONPATH=.venv/bite .venv/bin/python -m bite --sample 100 --seed 1 crypto web'
	@echo 'make manifest   write secure_flask/MANIFEST after each change of the core'
	@echo '                = .venv/bin/python manifest.py'
	@echo 'make pins       write the newest versions of all packages into pins/, with hashes'
	@echo '                = .venv/bin/uv pip compile, twice, and npm update: see the Makefile'
	@echo 'make reference  write what the code says into the pages of docs/, after each change of it'
	@echo '                = .venv/bin/python -m docs.reference'
	@echo 'make bench      measure what a project costs, and write docs/scaling.md and docs/benchmarks.*'
	@echo '                (ONLY="requests gunicorn" for some tables)'
	@echo '                = .venv/bin/python -m benchmarks --only requests gunicorn'
	@echo 'make site       build the site into build/site/, warnings as errors'
	@echo '                = .venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site'
	@echo 'make pictures   take the pictures in docs/ again; needs Chromium'
	@echo '                = .venv/bin/python -m docs.pictures'
	@echo 'make browsers   write docs/browsers.json and .md again; needs Chromium, Firefox, WebKitWebDriver and Xvfb'
	@echo '                = .venv/bin/python tests/browser_table.py'
	@echo '(first)         python3 -m venv .venv ; .venv/bin/pip install --require-hashes -r pins/render.txt'
	@echo '                ; .venv/bin/uv pip sync --python .venv --require-hashes pins/dev.txt'

demo: .venv/bin/cookiecutter
	.venv/bin/python demo.py $(PORT) $(ANSWERS)

new: .venv/bin/cookiecutter
	.venv/bin/python new.py '$(OUT)' $(ANSWERS)

adopt: .venv/bin/cookiecutter
	.venv/bin/python adopt.py '$(or $(APP),$(error Name the app: make adopt APP=../their-app))'

publish: .venv/ready
	.venv/bin/python publish.py '$(ORG)'

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
	.venv/bin/python -m pytest -m engine -rP tests/test_containers.py tests/test_dev_container.py

test-next: .venv/ready
	.ci/next $(NEXT)

test-random: .venv/ready
	.venv/bin/python tests/random_runs.py $(RUNS) 'not all and not engine and not weekly'

lint: .venv/ready
	@failed=; for tool in 'ruff check --no-cache .' 'ruff format --check --no-cache .' mypy 'python manifest.py --check'; do \
		echo ".venv/bin/$$tool"; .venv/bin/$$tool || failed=yes; \
	done; \
	PYTHONPATH='{{cookiecutter.project_slug}}' .venv/bin/lint-imports --no-cache || failed=yes; \
	test -z "$$failed" || { echo 'make fix repairs what ruff can, and writes MANIFEST.'; exit 1; }

# What ruff cannot repair is shown, and stops nothing.
fix: .venv/ready
	.venv/bin/ruff check --no-cache --fix --exit-zero .
	.venv/bin/ruff format --no-cache .
	.venv/bin/python manifest.py
	.venv/bin/python -m docs.reference

sizes: .venv/ready
	.venv/bin/python tests/sizes.py

bite: .venv/ready
	PYTHONPATH=.venv/bite .venv/bin/python -m bite --sample $(SAMPLE) --seed $(SEED) $(if $(PAGE),--page $(PAGE)) $(PACKAGES)

manifest: .venv/ready
	.venv/bin/python manifest.py

# One version of each package for all versions of Python and all systems. The files hold no
# address of a registry, which differs by machine.
COMPILE = .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make pins'

pins: .venv/bin/cookiecutter
	$(COMPILE) --group dev --output-file pins/dev.txt
	$(COMPILE) --group render --constraint pins/dev.txt --output-file pins/render.txt
	$(COMPILE) --group babel --constraint pins/dev.txt --output-file pins/babel.txt
	$(COMPILE) --group bite --constraint pins/dev.txt --output-file pins/bite.txt
	if command -v npm >/dev/null; then cd pins/npm && npm update --package-lock-only; fi

reference: .venv/ready
	.venv/bin/python -m docs.reference

bench: .venv/ready
	.venv/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY))

# Afresh: a page that is built already has its policy.
site: .venv/ready
	rm -rf build/site
	.venv/bin/python -m sphinx -qW --keep-going -E -d build/doctrees docs build/site

pictures: .venv/ready
	.venv/bin/python -m docs.pictures

browsers: .venv/ready
	.venv/bin/python tests/browser_table.py

# Rendering needs a tenth of the packages that the tests need. uv is one of them.
.venv/bin/cookiecutter: pins/render.txt
	@command -v python3 >/dev/null || { echo 'python3 was not found: install Python 3.11 or newer.'; exit 1; }
	@python3 -c 'import sys; sys.exit("This needs Python 3.11 or newer; python3 here is %d.%d." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'Sets up this folder, once: about a minute.'
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r pins/render.txt
	@touch .venv/bin/cookiecutter

.venv/ready: pins/dev.txt pins/babel.txt pins/bite.txt | .venv/bin/cookiecutter
	.venv/bin/uv pip sync --python .venv --require-hashes pins/dev.txt
	.venv/bin/uv pip install --quiet --python .venv --target .venv/babel --require-hashes -r pins/babel.txt
	.venv/bin/uv pip install --quiet --python .venv --target .venv/bite --require-hashes -r pins/bite.txt
	@touch .venv/ready
