# Every target works on a fresh checkout: it first sets up .venv with the packages that it needs. PYTHON= names the
# interpreter (3.10 or newer).
PYTHON ?= python3
# A version number (make package PYTHON=3.12) names the runtime to package for, not the interpreter of .venv.
ifneq ($(filter 3.%,$(PYTHON)),)
RUNTIME := --python $(PYTHON)
override PYTHON := python3
endif
VENV   := .venv
PY     := $(VENV)/bin/python
ifneq ($(words $(VENV)),1)
$(error VENV= must be one folder, without a space in its path)
endif
# If PYTHON= is given and another version made .venv, .venv is made again.
SET_UP := @$(PYTHON) -m shared.workbench.environment --venv $(VENV) $(if $(filter command environment,$(firstword $(origin PYTHON))),--exactly)
# Each function runs in its own process. Without .pyc files Python would compile all sources each time.
unexport PYTHONDONTWRITEBYTECODE

# The option that a switch adds to a command. A switch takes 1 or 0 only: DRY=true must not change passwords.
switch = $(if $(filter-out 0 1,$($1)),$(error $1=$($1) means nothing: write $1=1, or leave it out),$(if $(filter 1,$($1)),$2))

# A switch that asks for no change is refused by a target that does not know it.
no_other = $(if $(and $(filter command,$(firstword $(origin $1))),$(filter-out $2,$(MAKECMDGOALS))),$(error $1= is for make $2))
$(call no_other,DRY,rotate)$(call no_other,PRINT,bootstrap)

# What a caller wrote that no target reads is refused: DRYRUN=1 must not rotate.
VARIABLES := ALL AS BORROW CLOUD COMMAND COUNT DRY EVENT FOLLOW FROM FUNCTION JOBS JSON NAME NOW ONLY OUT POLICY PORT PRINT PYTHON \
  ROOM ROUNDS SANDBOX SECRET SINCE SLOW TLS VENV WORLD YES
written = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
$(foreach name,$(filter-out $(VARIABLES) CKAFKA_INSTANCE KEYTURN_% TENCENTCLOUD_% ALIBABA_%,$(written)),\
  $(error no target reads $(name)=; known are $(VARIABLES)))
$(foreach name,$(filter YES SLOW,$(written)),$(call switch,$(name)))

$(foreach word,$(filter DRY NOW PRINT ALL YES BORROW FOLLOW JSON TLS,$(MAKECMDGOALS)),$(error write $(word)=1, not $(word)))

.DEFAULT_GOAL := help
.PHONY: help demo test check new schemas docs lint campaign mutants bench cloud shell invoke package bootstrap plan deploy remove call rotate results verify lock clean report with-demo with-pages with-dev

# A target that is misspelt.
.DEFAULT:
	@echo "there is no target $@: make help lists them" >&2; exit 2

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

with-demo:
	$(SET_UP) demo

with-pages:
	$(SET_UP) demo pages

with-dev:
	$(SET_UP) dev

demo: with-demo ## change real passwords on both stand-in clouds and show the proof
	@$(PY) -m tests.cloud demo

JOBS ?= 8
test: with-dev ## lint, type checks and every test
	@$(MAKE) --no-print-directory lint
	$(PY) -m pytest -n $(JOBS)

FUNCTION ?=
FUNCTIONS := $(patsubst functions/%.py,%,$(wildcard functions/[a-z]*.py))
check: with-dev ## lint changed files and run one function's tests, in under a minute: make check FUNCTION=...
	@case " $(FUNCTIONS) " in *" $(FUNCTION) "*) ;; *) echo "check: FUNCTION= is one of $(FUNCTIONS)" >&2; exit 2;; esac
	@changed=$$(git diff --name-only --diff-filter=d HEAD -- '*.py' && git ls-files --others --exclude-standard -- '*.py') || exit 2; \
	  if [ -n "$$changed" ]; then $(VENV)/bin/ruff check $$changed && $(VENV)/bin/ruff format --check $$changed && $(VENV)/bin/mypy $$changed; \
	  else echo "No Python file differs from HEAD: nothing to lint."; fi
	$(PY) -m pytest -n 4 -m "$(FUNCTION) and not zips"

new: with-demo ## copy an operation's files for a new operation: make new FROM=<function> NAME=<function>
	@$(PY) -m shared.workbench.scaffold "$(FROM)" "$(NAME)"

schemas: with-demo ## write events/schemas/ and the generated parts of README and the manual, from the code
	@$(PY) -m shared.workbench.schemas

docs: with-pages ## write the reference as one HTML file, dist/docs/keyturn.html
	@$(PY) -m shared.workbench.docs

lint: with-dev ## ruff and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

campaign: with-dev ## test every fault, world, overlap, forged message and kill point (40 minutes)
	$(PY) -m tests.campaign

COUNT ?= 300
mutants: with-dev ## check that the quick tests notice small changes of the code: make mutants [COUNT=300] [ROOM=clouds]
	@$(PY) -m shared.workbench.mutants --count="$(COUNT)" $(if $(filter command,$(firstword $(origin ROOM))),--room $(or $(ROOM),""))

ROUNDS ?= 7
bench: with-dev ## measure speed and sizes: make bench [ROUNDS=7] [ONLY=cold,warm,batch,ceiling,scale,bytes,counts,others]
	@$(PY) -m shared.workbench.bench --rounds="$(ROUNDS)" $(if $(filter command,$(firstword $(origin ONLY))),--only="$(ONLY)")

PORT ?= 0
cloud: with-demo ## run the stand-in for both clouds: make cloud [PORT=8080] [WORLD=tests/cloud/empty.toml] [TLS=1]
	@exec $(PY) -m tests.cloud serve --port="$(PORT)" $(if $(WORLD),--world="$(WORLD)") $(call switch,TLS,--tls)

shell: with-demo ## open a shell with a running stand-in; `exit` ends both: make shell [WORLD=tests/cloud/fleet.toml] [TLS=1]
	@$(PY) -m tests.cloud shell $(if $(WORLD),--world "$(WORLD)") $(call switch,TLS,--tls)

invoke: with-demo ## run one function with one event: make invoke FUNCTION=... EVENT=events/... AS=scf|fc
	@$(PY) -m tests.cloud invoke "$(FUNCTION)" "$(EVENT)" $(if $(filter command,$(firstword $(origin AS))),$(if $(AS),--as="$(AS)"))

package: with-demo ## write the zips of one platform to dist/: make package CLOUD=tencent|alibaba [FUNCTION=...]
	@$(PY) -m shared.workbench.package "$(or $(CLOUD),tencent)" $(FUNCTION) $(RUNTIME)

bootstrap: with-demo ## prepare an account for the first deploy: make bootstrap CLOUD= [YES=1] [PRINT=1] [SECRET=ssm://...]
	@$(PY) -m shared.workbench.bootstrap "$(CLOUD)" $(call switch,PRINT,--print) $(if $(SECRET),--secret "$(SECRET)",$(if $(filter command,$(firstword $(origin SECRET))),$(error SECRET= is empty)))

plan: with-demo ## show what deploy would change; write the role policies to dist/: make plan CLOUD=tencent|alibaba
	@$(PY) -m shared.workbench.deploy plan "$(CLOUD)"

deploy: with-demo ## make a platform match serverless.yml; asks first: make deploy CLOUD=tencent|alibaba [YES=1]
	@$(PY) -m shared.workbench.deploy deploy "$(CLOUD)"

remove: with-demo ## remove what deploy made; ALL=1: what bootstrap made, too: make remove CLOUD=tencent|alibaba [YES=1] [ALL=1]
	@$(PY) -m shared.workbench.deploy remove "$(CLOUD)"
	$(call switch,ALL,@$(PY) -m shared.workbench.bootstrap "$(CLOUD)" --remove)

call: with-demo ## make one signed call of a deployed function: make call CLOUD= FUNCTION= COMMAND=file.json [JSON=1]
	@$(PY) -m shared.workbench.deploy call "$(CLOUD)" "$(FUNCTION)" "$(COMMAND)" $(call switch,JSON,--json)

rotate: with-demo ## rotate what is due by a policy: make rotate POLICY= CLOUD= [DRY=1] [NOW=1] [BORROW=1] [JSON=1]
	@$(PY) -m shared.workbench.rotate "$(CLOUD)" "$(POLICY)" $(call switch,DRY,--dry) $(call switch,NOW,--now) \
	  $(call switch,BORROW,--borrow) $(call switch,JSON,--json)

SINCE ?= 1h
results: with-demo ## show results of a deployed bundle: make results CLOUD= [SINCE=1h] [FOLLOW=1] [BORROW=1] [JSON=1]
	@$(PY) -m shared.workbench.results "$(CLOUD)" --since="$(SINCE)" $(call switch,FOLLOW,--follow) $(call switch,BORROW,--borrow) $(call switch,JSON,--json)

verify: with-demo ## test the claims on your account: make verify CLOUD= [SANDBOX=file] [ONLY=ids] [SLOW=1] [YES=1]
	@$(PY) -m shared.workbench.verify "$(CLOUD)" $(if $(SANDBOX),--sandbox "$(SANDBOX)") $(if $(filter command,$(firstword $(origin ONLY))),--only "$(ONLY)")

OUT ?= dist/report.html
report: with-pages ## write a page of what happened: make report [FROM=results.jsonl] [OUT=dist/report.html] [JSON=1]
	@$(PY) -m shared.workbench.report $(FROM) -o "$(OUT)" $(call switch,JSON,--json)

lock: ## write the requirements files again, with one version of each package for every Python (needs uv)
	for set in dev:"pyproject.toml --all-extras --group dev" demo:"pyproject.toml --all-extras --group demo" lint:"--group lint" \
	  pages:"--group pages" tencent:"pyproject.toml --extra tencent" alibaba:"pyproject.toml --extra alibaba" \
	  amqp:"pyproject.toml --extra amqp" seal:"pyproject.toml --extra seal"; do \
	  uv pip compile --quiet --universal --python-version 3.10 --fork-strategy fewest --no-emit-index-url --no-header \
	    --generate-hashes --only-binary :all: $${set#*:} $$held -o requirements-$${set%%:*}.txt || exit 1; \
	  held="-c requirements-dev.txt"; done

clean: ## remove .venv, dist/ and what tests left
	@! ls dist/verify-*-open.json 2>/dev/null || { echo "clean: this file may hold the only copy of a password that is in force:" \
	  "run make verify again, or set the old password by hand and delete the file; nothing was removed"; exit 1; } >&2
	rm -rf $(VENV) .keyturn .mypy_cache .ruff_cache .hypothesis dist
