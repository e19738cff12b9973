# Every target sets up what it needs in .venv, from exact versions with hashes. It needs Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help weekly lab test fast lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "make %-8s %s\n", $$1, $$2}'

weekly: .venv/ready  ## make the weekly report of data/sample
	$(BIN)/workbench run weekly

lab: .venv/ready  ## open JupyterLab on notebooks/
	$(BIN)/workbench lab

test: .venv/ready-test  ## run every test; what needs a browser or Java is skipped where it is missing
	$(BIN)/python -m pytest -q -n 2 --dist loadfile
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --nbval-lax --nbval-cell-timeout=300 -p no:cacheprovider notebooks

fast: .venv/ready-test  ## run the tests that take a minute
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not browser"

lock: pyproject.toml  ## renew the exact versions (needs uv)
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group build --extra test --extra spark -c requirements.lock pyproject.toml -o requirements-test.lock

clean:  ## remove the environment, caches and staged files; reports stay
	rm -rf .venv .workbench .pytest_cache .hypothesis build dist *.egg-info

COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "The workbench needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make an environment: its venv lacks ensurepip. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

# The lock is complete, so nothing is resolved (--no-deps); the build backend is in it, so nothing is fetched to install the project.
.venv/ready: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/ready-test: .venv/ready requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r requirements-test.lock
	touch $@
