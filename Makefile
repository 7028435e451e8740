# What people type. Each target does its own set-up; scripts/ holds how.
.DEFAULT_GOAL := help
.PHONY: help demo test simulate chaos failover build proofs lint install-dependencies clean

# From the command line to the scripts, as they stand.
export VIDEO PORT DATA VERBOSE SEED SEEDS RUNS KILLS WHAT

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile

demo: ## Build, start everything, publish a film, serve it [VIDEO=file PORT=4600 DATA=dir VERBOSE=1]
	@scripts/demo.sh

test: ## Build and run all tests
	@scripts/set-up.sh test
	@scripts/build.sh tests

simulate: ## Play engines, workers and a database from seeds [SEED=first SEEDS=count]
	@scripts/set-up.sh test
	@scripts/build.sh simulation

chaos: ## Kill engines, workers and PostgreSQL under load, then check the journal [RUNS=10000 KILLS=1000 SEED=n]
	@scripts/set-up.sh chaos
	@scripts/build.sh release
	@Chaos/chaos.py --runs "$${RUNS:-10000}" --kills "$${KILLS:-1000}" $${SEED:+--seed "$$SEED"}

failover: ## Replace, freeze or put back the database's server, freeze or kill the engine, under load [WHAT=promote|freeze|restore|engine|kill RUNS=2000 SEED=n]
	@scripts/set-up.sh test
	@scripts/build.sh release
	@Chaos/failover.py "$${WHAT:-promote}" $${RUNS:+--runs "$$RUNS"} $${SEED:+--seed "$$SEED"}

build: ## Build release binaries into .build/release/
	@scripts/set-up.sh build
	@scripts/build.sh release

proofs: ## Check the model of the journal, and that it finds each broken rule (Proofs/README.md)
	@scripts/set-up.sh proofs
	@Proofs/run.sh

lint: ## Check formatting and the house rules
	@scripts/lint.sh

install-dependencies: ## Install the Debian packages that building, running and testing need
	@scripts/set-up.sh test

clean: ## Remove what was built
	@swift package clean
