# Every command of the project is one of these targets. `make help` lists them.
SHELL := /bin/bash
BIN   := bin/approval-relay
# The version that is released next; VERSION=1.2.3 names another.
NEXT  := $(shell cat VERSION)

.DEFAULT_GOAL := help
.PHONY: help build demo test lint generate e2e flood bench pgo ledger fuzz image deploy-check dashboards-check

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/approval-relay
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(or $(VERSION),$(NEXT)-dev)" -o $(BIN) ./cmd/approval-relay

demo: build ## show the whole way of an approval on this machine, without AWS (AUTO=1 approves by itself)
	./$(BIN) demo $(if $(AUTO),--auto)

test: ## run all tests with the race detector, in random order; fails on unexpected skips; installs missing test tools if run as root
	@scripts/need-tools
	@scripts/test $(TESTFLAGS)

lint: ## check format, vet, imports between packages, house style, golangci-lint, govulncheck
	@scripts/lint

generate: ## write again what tests generate: tables in the documentation, dashboards, golden files
	@scripts/generate

e2e: build ## test the built binary as a process of its own, against emulators, with faults and SIGKILL
	go test -count=1 -timeout 10m ./test/e2e -e2e.binary=$(CURDIR)/$(BIN) -v

flood: ## flood the public address of the built program for half a minute in each of four ways (CONNECTIONS=2000)
	go test -count=1 -timeout 10m ./test/flood -v -duration 30s -connections $(or $(CONNECTIONS),2000)

bench: build ## measure throughput and latency beside reference points; for one package: go test -bench . ./PACKAGE
	go run ./test/bench $(BENCHFLAGS)

pgo: ## record the profile that `go build` optimises the worker by, from make bench's whole approvals (ROUNDS=20)
	@ROUNDS=$(ROUNDS) scripts/pgo

ledger: ## run crashes and faults, then compare all records (LONG=1: full size and mutants, half an hour)
	go test -count=1 -timeout 90m ./test/ledger -v $(if $(LONG),-ledger.long -ledger.mutants)

fuzz: ## run every fuzz target for a while (FUZZTIME=20s)
	@scripts/fuzz $(or $(FUZZTIME),20s)

image: ## build the image for two architectures with SBOMs, without a container engine (VERSION=1.2.3)
	@scripts/image $(or $(VERSION),$(NEXT)-dev)

deploy-check: ## check the files of deploy/ with the tools that this machine has
	@scripts/deploy-check

dashboards-check: ## check the Grafana dashboards, and run every panel's query on a real Prometheus
	@scripts/dashboards-check
