# Every target works on a fresh checkout: it sets up .venv first. PYTHON picks the interpreter (3.10 or newer).
PYTHON ?= python3
# A bare version (make package PYTHON=3.12) is the runtime to package for, not the interpreter to set up with.
ifneq ($(filter 3.%,$(PYTHON)),)
RUNTIME := --python $(PYTHON)
override PYTHON := python3
endif
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test schemas docs lint campaign bench cloud invoke package plan deploy remove call lock clean report

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "keyturn needs Python 3.10 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

demo: $(READY) ## change real passwords on both stand-in clouds and show the proof
	@$(PY) -m tests.cloud demo

JOBS ?= 4
test: $(READY) ## lint, types and every test
	@$(MAKE) --no-print-directory lint
	$(PY) -m pytest -n $(JOBS) --dist loadfile

schemas: $(READY) ## events/schemas/ anew: JSON Schema, OpenAPI and AsyncAPI, from the models
	@$(PY) -m shared.workbench.schemas

docs: $(READY) ## the reference as one HTML file, dist/docs/keyturn.html (fetches its renderer once, by npm)
	@$(PY) -m shared.workbench.docs

lint: $(READY) ## ruff and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

campaign: $(READY) ## every operation, fault, trigger, redelivery and kill point
	$(PY) -m tests.campaign

ROUNDS ?= 7
bench: $(READY) ## cold start, warm cost, ceiling, bytes: make bench [ROUNDS=7] [ONLY=cold,warm,ceiling,bytes,counts,others]
	@$(PY) -m shared.workbench.bench --rounds $(ROUNDS) $(if $(ONLY),--only $(ONLY))

PORT ?= 0
cloud: $(READY) ## the stand-in for both clouds: make cloud PORT=8080
	@$(PY) -m tests.cloud serve --port $(PORT)

invoke: $(READY) ## one function, one event: make invoke FUNCTION=... EVENT=events/... AS=scf|fc
	@$(PY) -m tests.cloud invoke $(FUNCTION) $(EVENT) --as $(AS)

CLOUD ?= tencent
package: $(READY) ## the zips of one platform in dist/: make package CLOUD=tencent|alibaba [FUNCTION=...]
	@$(PY) -m shared.workbench package $(CLOUD) $(FUNCTION) $(RUNTIME)

plan: $(READY) ## what deploy would change, and each function's policies: make plan CLOUD=tencent|alibaba
	@$(PY) -m shared.workbench plan $(CLOUD)

deploy: $(READY) ## bring a platform to what serverless.yml says: make deploy CLOUD=tencent|alibaba
	@$(PY) -m shared.workbench deploy $(CLOUD)

remove: $(READY) ## take away what deploy created: make remove CLOUD=tencent|alibaba
	@$(PY) -m shared.workbench remove $(CLOUD)

call: $(READY) ## one signed call of a deployed function: make call CLOUD= FUNCTION= COMMAND=file.json
	@$(PY) -m shared.workbench call $(CLOUD) $(FUNCTION) $(COMMAND)

OUT ?= dist/report.html
report: $(READY) ## a page of what happened: make report FROM=results.jsonl [OUT=dist/report.html]; default: KEYTURN_RESULTS
	@$(PY) -m shared.workbench.report $(FROM) -o $(OUT)

lock: ## resolve the five requirements files anew (needs uv)
	for set in dev:"--all-extras --group dev --group docs --group deploy" tencent:"--extra tencent -c requirements-dev.txt" alibaba:"--extra alibaba -c requirements-dev.txt" \
	  amqp:"--extra amqp -c requirements-dev.txt" seal:"--extra seal -c requirements-dev.txt"; do \
	  uv pip compile --quiet --universal --python-version 3.10 --no-emit-index-url --no-header --generate-hashes --only-binary :all: \
	    pyproject.toml $${set#*:} -o requirements-$${set%%:*}.txt || exit 1; done

clean: ## remove .venv and what tests left
	rm -rf $(VENV) .keyturn .mypy_cache .ruff_cache .hypothesis dist
