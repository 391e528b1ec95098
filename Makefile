# What a user and a developer need; `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS ?= docs

# llama.cpp without its vision library, tools and common library: only what is imported.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama_cpp_INCLUDE=$(abspath $(VENV))/library-only.cmake
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The test tools and the network have nothing to say to each other after this.
export HF_HUB_OFFLINE ?= 0

.PHONY: help install models ingest run test test-fast check check-corpus lint types lock browser clean bench bench-retrieval bench-answers bench-trust fit vectors

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/installed ## Make .venv from the lock (compiles llama.cpp the first time)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 run" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing. llama-cpp-python is compiled the first time: 2 to 5 minutes on two cores."
	@printf 'set(LLAMA_BUILD_COMMON OFF)\n' > $(VENV)/library-only.cmake
	$(BIN)/python -m pip install --no-deps --require-hashes --progress-bar on -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	$(BIN)/python -m pip install --no-deps --require-hashes --progress-bar on -r requirements-dev.lock
	@touch $@

models: $(VENV)/installed ## Pull the two default models into models/
	$(BIN)/chatbot models pull

ingest: models ## Bring the index up to date with docs/
	$(BIN)/chatbot ingest --docs $(DOCS)

run: ingest ## Install, pull, ingest, and serve the page on 127.0.0.1:7860
	$(BIN)/chatbot serve --docs $(DOCS)

test: $(VENV)/installed-dev ingest browser ## All tests, with the real models and a real browser
	$(BIN)/python -m pytest

test-fast: $(VENV)/installed-dev ingest ## The tests that take less than a minute together
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not model and not slow and not browser"

bench: $(VENV)/installed-dev ingest ## How fast, against what: a table of ratios (6 to 15 minutes)
	$(BIN)/python tests/bench/speed.py

bench-retrieval: $(VENV)/installed-dev ingest ## What search finds, against BM25, vectors and rank fusion; BENCH=folder of public sets
	$(BIN)/python tests/bench/retrieval.py $(if $(BENCH),--bench $(BENCH))

bench-answers: $(VENV)/installed-dev ingest ## How many answers are right, against LlamaIndex's quickstart (50 minutes)
	$(BIN)/python tests/bench/answers.py

bench-trust: $(VENV)/installed-dev ingest ## How well the check and the abstention tell right from wrong on public sets; BENCH=their folder
	$(BIN)/python tests/bench/trust.py --bench $(BENCH)

fit: $(VENV)/installed-dev ingest ## Fit the models of chatbot/fitted/ anew on the development questions
	$(BIN)/python tests/fit/evidence.py --write $(if $(BENCH),--bench $(BENCH))
	$(if $(BENCH),$(BIN)/python tests/fit/plain.py --write --bench $(BENCH))

vectors: $(VENV)/installed-dev ingest ## Put the vectors of docs/questions.jsonl, when it has changed, beside it
	$(BIN)/python tests/fit/vectors.py

check-corpus: $(VENV)/installed-dev ## The rules that docs/ and the question sets must keep
	$(BIN)/python -m pytest -q tests/test_corpus.py tests/test_question_sets.py

check: lint types test ## Everything that must be clean before a commit lands

lint: $(VENV)/installed-dev ## ruff
	$(BIN)/ruff check chatbot tests
	$(BIN)/ruff format --check chatbot tests

types: $(VENV)/installed-dev ## mypy --strict
	$(BIN)/mypy chatbot

browser: ## Find Chromium for the page's tests, or install it from the distribution
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } || \
	  echo "No Chromium: the browser tests will say so and be skipped. Install it to run them."

lock: $(VENV)/installed-dev ## Write the two locks anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra install $(LOCK) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra install --extra dev -c requirements.lock $(LOCK) -o requirements-dev.lock
LOCK := --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

clean: ## Remove .venv and storage (models and docs stay)
	rm -rf $(VENV) storage/*-*-* storage/lock*
