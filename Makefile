# Ten targets at most: what needs a name of its own is a script in test/.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
MODULE := github.com/lockstep-dev/lockstep
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export GOWORK := off

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ui ## build the web UI, bin/lockstep and bin/devcluster; without Node: make build-noui
	@$(MAKE) --no-print-directory build-noui

build-noui: bin/lockstep bin/devcluster

# It knows itself what is up to date, and go build takes what it left.
ui: FORCE
	@bash ui/build.sh

demo: build ## show everything on this machine: no cluster, no account
	bin/lockstep demo

test: ## the full lane: all that continuous integration runs
	@bash test/run.sh

fast: ## the fast lane: tests that need nothing running
	@bash test/packages.sh fast | xargs go test

lint: ## vet, staticcheck, formatting, go.mod, and that generated files are up to date
	@bash test/lint.sh

generate: ## write deep copies, CRDs, the contract and the types of the UI anew from api/
	@bash api/generate.sh
	@bash ui/build.sh deps && cd ui && npm run -s gen

bench: bin/devcluster ## measure Lockstep against the limit of the same machine
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./test/bench/...

fuzz: ## run each fuzz target for FUZZTIME (10s)
	@bash test/fuzz.sh

clean: ## delete what was built here; the caches of Go and devcluster stay
	rm -rf bin test/.out ui/dist/assets ui/dist/.vite ui/dist/*.*

# Go and devcluster/build.sh know themselves what is up to date.
# No -trimpath: it would have every dependency compiled once for the binary and
# once for the tests.
bin/lockstep: FORCE
	go build -ldflags "-s -w -X $(MODULE)/internal/cli.version=$(VERSION)" -o $@ ./cmd/lockstep

bin/devcluster: FORCE
	bash devcluster/build.sh $@

FORCE:
.PHONY: help build build-noui ui demo test fast lint generate bench fuzz clean FORCE
