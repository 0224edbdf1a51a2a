# Each target does all its own set-up: Python and make are enough.
PYTHON ?= python3
VENV := .venv
TOX := $(VENV)/bin/tox

.PHONY: bench matrix test slow parity lint types help

help:      ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/  /'

bench: $(TOX) ## fine-tune BERT on the embedded default, hold every promise; ARGS="benchmarks/specs/seed_card.toml" for one
	$(TOX) run -e bench -- $(or $(ARGS),benchmarks)

matrix: $(TOX) ## the benchmarks in every environment that can be made here; ARGS="benchmarks/specs/seed_card.toml" for one
	$(TOX) run -m matrix $(if $(ARGS),-- $(ARGS))

test: $(TOX)  ## the tests
	$(TOX) run -e test

slow: $(TOX)  ## whole fine-tunes on real weights, many processes; ARGS="tests/stats" for some
	$(TOX) run -e slow -- -m slow $(or $(ARGS),tests)

parity: $(TOX) ## the native engine against its peers, and on every backend
	$(TOX) run -e parity,peers-tf,backends-jax,backends-torch

lint: $(TOX)  ## ruff
	$(TOX) run -e lint

types: $(TOX) ## mypy
	$(TOX) run -e types

$(TOX): requirements/tox.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/tox.txt
	@touch $(TOX)
