# What there is to do here. `make` alone lists it.

SEEDS    ?= 2000
ENGINE   ?= sqlite
ROUNDS   ?= 4
FUZZTIME ?= 30s
ARGS     ?=

# Built tools; git-ignored. Their versions are pinned in hack/tools.
BUF  := bin/tools/buf
LINT := bin/tools/golangci-lint

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PACKAGES := ./api/... ./proto/... ./services/...

.DEFAULT_GOAL := help
.PHONY: help run build test race lint generate verify fmt simulate faults fuzz record-golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start everything in one process, data in ./data (ARGS="--listen :9000")
	@exec bin/tandem all --data ./data $(ARGS)

build: ## build bin/tandem
	@bash -c 'set -eu; . hack/lib.sh; need_go; needed "make $@"'
	@mkdir -p bin
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/tandem ./services/cmd/tandem

test: ## run all tests
	@hack/test.sh $(TESTFLAGS)

race: ## run the unit tests of what is concurrent under the race detector (needs a C compiler)
	@hack/race.sh

lint: $(LINT) ## run the linters
	@$(LINT) run $(PACKAGES)

generate: $(BUF) ## write what is generated: gRPC stubs, docs/configuration.md
	@hack/generate.sh

verify: $(BUF) ## check that generated files, formatting and go.mod files are up to date
	@hack/verify.sh

fmt: $(BUF) ## format Go and .proto files
	@gofmt -w api proto services hack/tools
	@$(BUF) format -w

simulate: ## run the simulation with SEEDS seeds over ENGINE (sqlite or mongo)
	SEEDS=$(SEEDS) go test -count=1 -timeout 0 -v -run 'TestSimulation$$' ./services/test/simulation -args -engine $(ENGINE)

faults: ## do harm to a cluster under the load of 50 devices, in ROUNDS rounds of 2 to 4 minutes
	go test -count=1 -timeout 0 -v ./services/test/faults -faults.rounds $(ROUNDS) -faults.devices 50 $(ARGS)

fuzz: ## fuzz each target for FUZZTIME
	@hack/fuzz.sh $(FUZZTIME)

record-golden: ## record the reference server's answers into api/http/golden (needs Redis)
	@hack/record/record.sh $(ARGS)

clean: ## remove what was built or installed here; ./data stays
	rm -rf bin build hack/mongo/target
	find . -name node_modules -type d -prune -exec rm -rf {} +

$(BUF): hack/tools/go.mod
	cd hack/tools && GOWORK=off GOBIN=$(CURDIR)/bin/tools go install tool
	@touch $@

$(LINT): hack/tools/golangci/go.mod
	cd hack/tools/golangci && GOWORK=off GOBIN=$(CURDIR)/bin/tools go install tool
	@touch $@
