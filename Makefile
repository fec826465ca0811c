# What one does with this repository. Each target installs the Debian packages it lacks and says so.

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: run build test tidy models unit counts stops stories end-to-end storm bench fuzz soak soak-cache reference format clean help

PYTHON := $(or $(wildcard /usr/bin/python3),python3)
RELEASE := -c release --static-swift-stdlib
BIN := .build/release
# Extra words for the program a target starts: make run ARGS="--origin http://127.0.0.1:3000"
ARGS ?=
# How long the restart storm of `make soak` goes on, in seconds.
SECONDS_TO_SOAK ?= 600
# How many processes `make soak-cache` kills.
KILLS ?= 20000
# How long each fuzz target runs, in seconds; how many run at a time; how many streams each differential compares.
FUZZ_SECONDS ?= 60
FUZZ_PARALLEL ?= 1
STREAMS ?= 20000

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

build: ## release binaries: .build/release/martlet and .build/release/martlet-worker
	@deploy/install-packages build
	swift build $(RELEASE)

run: build ## build, then start a node (in front of a small demo site unless ARGS names an origin)
	@exec $(BIN)/martlet run $(ARGS)

test: ## everything that must hold before a change lands; prints the time of each part
	@deploy/install-packages build test
	@PYTHON=$(PYTHON) bash .ci/parts tidy models unit release stops counts stories end-to-end storm

tidy models unit counts stops stories end-to-end storm: ## one part of the test run
	@deploy/install-packages build test
	@PYTHON=$(PYTHON) bash .ci/parts $@

bench: build ## side by side with the peers, and the counts that CI gates on
	@deploy/install-packages bench
	@bash Benchmarks/run $(ARGS)

fuzz: ## libFuzzer targets, FUZZ_SECONDS each, then STREAMS requests and responses through a second parser
	@deploy/install-packages build fuzz
	@FUZZ_PARALLEL=$(FUZZ_PARALLEL) bash Fuzz/run $(FUZZ_SECONDS) $(ARGS)
	@bash Fuzz/differential $(STREAMS)
	@bash Fuzz/differential responses $(STREAMS)

soak: build ## the end-to-end suites in their long form, then the restart storm for SECONDS_TO_SOAK, up to hours
	@deploy/install-packages test
	@$(PYTHON) Tests/EndToEnd/run.py --long $(ARGS)
	@$(PYTHON) Tests/Storm/run.py --profile long --seconds $(SECONDS_TO_SOAK) $(ARGS)

soak-cache: ## the shared cache alone: deaths at every writing instruction, works crossed at every access, KILLS kills
	@deploy/install-packages build
	MARTLET_CORE_ONLY=1 swift build -c release --scratch-path .build-soak --product CacheStorm
	.build-soak/release/CacheStorm --stops
	.build-soak/release/CacheStorm --crossings
	.build-soak/release/CacheStorm --kills $(KILLS) $(ARGS)

reference: build ## write docs/configuration.md and its schema from the table of directives
	@$(BIN)/martlet config reference > docs/configuration.md
	@$(BIN)/martlet config schema > docs/configuration.schema.json

format: ## swift-format over every source in place
	swift format --in-place --recursive --parallel --configuration .swift-format Package.swift Sources Tests Benchmarks Fuzz

clean: ## remove what was built
	rm -rf .build .build-* Benchmarks/results Fuzz/findings
	find Tests -name __pycache__ -prune -exec rm -rf {} +
