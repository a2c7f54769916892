# Every target makes its own virtual environment when there is none and installs what it needs, once.
#   make quickstart TEXT=my.txt      train on your own text
#   make recipe NAME=text_classification SMOKE=1
#   make test ARGS="-k rotary"       more arguments for the program behind the target
#   make test PYTHON=python3.11      the Python of a new environment
#   make test VENV=/tmp/venv         another environment

VENV    ?= .venv
# The first that runs and can make an environment: the name alone proves nothing, a version manager answers to all.
# 3.11 comes first because most was measured with it.
PYTHON  ?= $(shell for p in python3.11 python3.12 python3.10; do \
             $$p -c 'import ensurepip, venv' >/dev/null 2>&1 && { echo $$p; break; }; done)
WORKERS ?= 2
TEXT    ?=
NAME    ?=
SMOKE   ?=
ARGS    ?=

RUN       := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help quickstart recipe known-recipe test combinations parity lint bench effects docs clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

quickstart: $(INSTALLED)-cpu  ## train, evaluate and serve a small model (TEXT=file, SMOKE=1 for a trial of seconds)
	$(RUN) model_zoo/quickstart/run.py $(if $(TEXT),--text '$(TEXT)') $(if $(SMOKE),--smoke) $(ARGS)

RECIPES := $(notdir $(patsubst %/config.json,%,$(wildcard model_zoo/*/config.json)))

recipe: known-recipe $(INSTALLED)-cpu  ## train on real data: NAME=a folder of model_zoo/, SMOKE=1 for a trial
	$(RUN) model_zoo/$(NAME)/run.py $(if $(SMOKE),--smoke) $(ARGS)

known-recipe:
	@test -n '$(filter $(NAME),$(RECIPES))' || { echo "NAME='$(NAME)' is no recipe; give one of: $(RECIPES)." >&2; exit 2; }

test: $(INSTALLED)-test  ## run the tests, all but parity
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS) --ignore=tests/parity $(ARGS)

combinations: $(INSTALLED)-test  ## 2,000 random configurations over all fields (a slice of them is in make test)
	OMP_NUM_THREADS=1 COMBINATIONS=2000 $(RUN) -m pytest -n $(WORKERS) tests/combinations/test_random.py $(ARGS)

parity: $(INSTALLED)-test $(INSTALLED)-parity  ## compare with x-transformers (installs torch)
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS) tests/parity $(ARGS)

lint: $(INSTALLED)-lint $(INSTALLED)-cpu  ## check style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(INSTALLED)-cpu $(INSTALLED)-parity  ## measure speed beside x-transformers and PaddleNLP
	$(RUN) bench/run.py $(ARGS)

effects: $(INSTALLED)-cpu  ## measure what each feature does, and write the tables of docs/features/
	$(RUN) bench/effects/run.py $(ARGS)

docs: $(INSTALLED)-cpu  ## make the generated pages of docs/ anew
	$(RUN) docs/generate.py $(ARGS)

clean:  ## remove the environment, caches and build output
	rm -rf '$(VENV)' build dist ./*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	@test -n '$(PYTHON)' || { echo 'No Python 3.10, 3.11 or 3.12 with venv was found.' \
	  'Install one (on Debian and Ubuntu also python3-venv), or name it: make PYTHON=path/to/python' >&2; exit 1; }
	@echo 'Making the environment $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv '$(VENV)' || { rm -f '$@'; echo '$(PYTHON) cannot make an environment.' \
	  'Install its venv module, or name another: make PYTHON=path/to/python' >&2; exit 1; }

# A stamp for each extra: a second run installs nothing until pyproject.toml changes.
$(INSTALLED)-%: pyproject.toml | $(RUN)
	@echo "Installing paddle-xformers[$*] into $(VENV) (the first time takes some minutes)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[$*]' || { \
	  echo "The installation of paddle-xformers[$*] failed; pip's reason stands above." \
	  "Check the network and the free disk space and run make again; after a change of Python, run make clean first." \
	  >&2; exit 1; }
	@touch $@
