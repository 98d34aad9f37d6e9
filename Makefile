# The verbs. Each is one command of ci/ or of a tool, which can be run by hand as well.
PYTHON ?= python3
STACK ?= local
DATA ?=
VENV := .venv/bin
PULUMI = eval "$$($(PYTHON) -m ci.toolchain env)" && pulumi

export STORESTACK_STARTED := $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help up down build scan release promote rollback live releases expire login outputs preview doctor env toolchain logs test policies lint format cost load drift audit aws drills

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

toolchain: ## install what is missing: environment, Pulumi, Docker provider, engine, base image
	@$(PYTHON) -m ci.toolchain install

aws: toolchain ## add what stacks on AWS need to the environment
	@$(VENV)/python -m pip install --quiet --require-hashes -r requirements/aws.lock

doctor: ## say what is there, what is missing, and how to mend it
	@$(PYTHON) -m ci.toolchain doctor --stack $(STACK)

env: ## print what to export to use pulumi by hand: eval "$(make -s env)"
	@$(PYTHON) -m ci.toolchain env

up: toolchain ## bring up a stack [STACK=local], or change it to what its settings say; TTL=72h: a preview
	@$(VENV)/python -m ci.up $(STACK) $(if $(TTL),--ttl $(TTL))

down: toolchain ## remove containers and networks [STACK=local]; DATA=delete removes the data too
	@$(VENV)/python -m ci.down $(STACK) $(if $(DATA),--data $(DATA))

build: toolchain ## build the store's image once per version, with SBOM and provenance [OUTPUT=folder]
	@$(VENV)/python -m ci.release build $(if $(OUTPUT),--output $(OUTPUT))

scan: toolchain ## look for known vulnerabilities in a build [VERSION=…], or say "not scanned"
	@$(VENV)/python -m ci.release scan $(if $(VERSION),--version $(VERSION)) $(if $(OUTPUT),--output $(OUTPUT))

release: toolchain ## release [STACK=local] what this checkout holds, IMAGE=… or VERSION=…
	@$(VENV)/python -m ci.release ship $(STACK) $(if $(IMAGE),--image $(IMAGE)) $(if $(VERSION),--version $(VERSION))

promote: toolchain ## release what serves FROM=… in the stack TO=…, the same digest
	@$(VENV)/python -m ci.release promote $(FROM) $(TO)

rollback: toolchain ## go back to the version before [STACK=local], or VERSION=…; the schema stays
	@$(VENV)/python -m ci.release rollback $(STACK) $(if $(VERSION),--version $(VERSION))

live: ## say what serves [STACK=local]: version, digest, commit, who and when
	@$(VENV)/python -m ci.release live $(STACK)

releases: ## print the audit log of a stack [STACK=local]
	@$(VENV)/python -m ci.release log $(STACK)

expire: toolchain ## remove previews that are past their time to live
	@$(VENV)/python -m ci.release expire

preview: toolchain ## show what `up` would change [STACK=local], the policies' verdict and the cost difference [OUTPUT=file]
	@$(VENV)/python -m ci.release preview $(STACK) $(if $(OUTPUT),--output $(OUTPUT))

cost: toolchain ## what a stack on AWS costs a month, by role [STACK=production]; CAPACITY=report.json adds orders
	@$(PULUMI) preview --json --stack $(STACK) | $(VENV)/python -m ci.cost $(if $(CAPACITY),--capacity $(CAPACITY))

drift: toolchain ## say what was changed by hand [STACK=local]; nothing is touched, a difference fails
	@$(PULUMI) refresh --preview-only --expect-no-changes --stack $(STACK)

audit: ## look the locked packages up in a database of known vulnerabilities, or say that it was not reached
	@$(VENV)/python -m ci.audit

login: ## print a one-time link to the back office: first administrator, or EMAIL=… to get back in
	@$(VENV)/python -m ci.login $(STACK) $(if $(EMAIL),--email $(EMAIL))

outputs: ## print the stack's outputs as JSON; SECRETS=show includes secrets
	@$(VENV)/python -m ci.outputs $(STACK) $(if $(filter show,$(SECRETS)),--secrets)

logs: ## follow the logs of a role [ROLE=web]
	@$(VENV)/python -m ci.logs $(STACK) $(or $(ROLE),web)

test: ## run every check on a stack of its own
	@$(PYTHON) -m ci.toolchain install --for-tests
	@eval "$$($(PYTHON) -m ci.toolchain env)" && $(VENV)/python -m ci.test

drills: toolchain ## ship good and broken releases under load, killed and at once, at full length [STACK=drill]
	@STORESTACK_STACK=$(if $(filter file,$(origin STACK)),drill,$(STACK)) STORESTACK_DRILL_REQUESTS=3000 \
	  STORESTACK_DRILL_RELEASES=4 STORESTACK_DRILL_TOTAL=100000 STORESTACK_DRILL_RATE=100 STORESTACK_DRILL_KILLS=10 \
	  $(VENV)/python -m pytest -q -s tests/live/test_release.py tests/live/test_release_killed.py tests/live/test_preview.py

policies: ## hold every environment against every policy, without an engine or a cloud; STACK=name holds one
	@$(PYTHON) -m ci.toolchain install --for-policies
	@$(VENV)/python -m ci.policies $(if $(filter file,$(origin STACK)),,$(STACK))

load: toolchain ## bring visitors to a stack and judge it [PROFILE=smoke, STACK=local, RATE, SECONDS, PROCESSES, FORECAST, BASELINE]
	@eval "$$($(PYTHON) -m ci.toolchain env)" && $(VENV)/python -m loadtests.run $(or $(PROFILE),smoke) --stack $(STACK) \
	  $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(FORECAST),--forecast $(FORECAST)) $(if $(BASELINE),--baseline $(BASELINE))

lint: ## check style, types and migrations
	@$(VENV)/ruff check . && $(VENV)/ruff format --check . && $(VENV)/mypy && $(VENV)/python -m ci.migrations

format: ## put every file into the one format
	@$(VENV)/ruff format . && $(VENV)/ruff check --fix --select I .
