# The verbs. Each is one command of ci/ or of a tool, which can be run by hand as well.
PYTHON ?= python3
STACK ?= local
DATA ?= keep
VENV := .venv/bin
PULUMI = eval "$$($(PYTHON) -m ci.toolchain env)" && pulumi

export STORESTACK_STARTED := $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help up down login outputs preview doctor env toolchain logs test policies lint format cost load

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

toolchain: ## install what is missing: environment, Pulumi, Docker provider, engine, base image
	@$(PYTHON) -m ci.toolchain install

doctor: ## say what is there, what is missing, and how to mend it
	@$(PYTHON) -m ci.toolchain doctor --stack $(STACK)

env: ## print what to export to use pulumi by hand: eval "$(make -s env)"
	@$(PYTHON) -m ci.toolchain env

up: toolchain ## bring up a stack [STACK=local], or change it to what its settings say
	@$(VENV)/python -m ci.up $(STACK)

down: toolchain ## remove containers and networks [STACK=local]; DATA=delete removes the data too
	@$(VENV)/python -m ci.down $(STACK) --data $(DATA)

preview: toolchain ## show what `up` would change
	@$(PULUMI) preview --stack $(STACK) --policy-pack policies

cost: toolchain ## what a stack on AWS costs a month, by role [STACK=production]; CAPACITY=report.json adds orders
	@$(PULUMI) preview --json --stack $(STACK) | $(VENV)/python -m ci.cost $(if $(CAPACITY),--capacity $(CAPACITY))

login: ## print a one-time link to the back office: first administrator, or EMAIL=… to get back in
	@$(VENV)/python -m ci.login $(STACK) $(if $(EMAIL),--email $(EMAIL))

outputs: ## print the stack's outputs as JSON; SECRETS=show includes secrets
	@$(VENV)/python -m ci.outputs $(STACK) $(if $(filter show,$(SECRETS)),--secrets)

logs: ## follow the logs of a role [ROLE=web]
	@$(VENV)/python -m ci.logs $(STACK) $(or $(ROLE),web)

test: ## run every check on a stack of its own
	@$(PYTHON) -m ci.toolchain install --for-tests
	@eval "$$($(PYTHON) -m ci.toolchain env)" && $(VENV)/python -m ci.test

policies: ## hold every environment against every policy, without an engine or a cloud; STACK=name holds one
	@$(PYTHON) -m ci.toolchain install --for-policies
	@$(VENV)/python -m ci.policies $(if $(filter file,$(origin STACK)),,$(STACK))

load: toolchain ## bring visitors to a stack and judge it [PROFILE=smoke, STACK=local, RATE, SECONDS, BASELINE]
	@eval "$$($(PYTHON) -m ci.toolchain env)" && $(VENV)/python -m loadtests.run $(or $(PROFILE),smoke) --stack $(STACK) \
	  $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(BASELINE),--baseline $(BASELINE))

lint: ## check style, types and migrations
	@$(VENV)/ruff check . && $(VENV)/ruff format --check . && $(VENV)/mypy && $(VENV)/python -m ci.migrations

format: ## put every file into the one format
	@$(VENV)/ruff format . && $(VENV)/ruff check --fix --select I .
