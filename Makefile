# Every command of the project is one of these. `make help` lists them.
SHELL := /bin/bash
BIN   := bin/approval-relay

.DEFAULT_GOAL := help
.PHONY: help build demo test lint e2e bench ledger fuzz image deploy-check dashboards-check

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/approval-relay
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./cmd/approval-relay

demo: build ## show the main job on this machine, without AWS (AUTO=1 clicks by itself)
	./$(BIN) demo $(if $(AUTO),--auto)

test: ## run all tests with the race detector, in random order
	@scripts/need-tools
	go test -race -shuffle=on $(TESTFLAGS) ./...

lint: ## formatting, vet, staticcheck, and the arrows between the rooms
	@scripts/lint

e2e: build ## the built binary as its own process, against emulators, faults and SIGKILL
	go test -count=1 -timeout 10m ./test/e2e -e2e.binary=$(CURDIR)/$(BIN) -v

bench: build ## one table of what is fast, and against what; of the rooms alone: go test -bench . ./ROOM
	go run ./test/bench $(BENCHFLAGS)

ledger: ## crash and fault runs against the books of the other ends (LONG=1 for the full sizes and the mutants, half an hour)
	go test -count=1 -timeout 90m ./test/ledger -v $(if $(LONG),-ledger.long -ledger.mutants)

fuzz: ## every fuzz target for a while (FUZZTIME=20s)
	@scripts/fuzz $(or $(FUZZTIME),20s)

image: ## the image for both architectures, without an engine, with SBOMs (VERSION=1.2.3)
	@scripts/image $(or $(VERSION),dev)

deploy-check: ## what can be checked of deploy/ on this machine
	@scripts/deploy-check

dashboards-check: ## the Grafana dashboards: their rules, and every panel at a real Prometheus under a load
	@scripts/dashboards-check
