# `make` alone lists what there is to do.
.DEFAULT_GOAL := help
.PHONY: help build run demo test race lint fuzz browser modules ci clean

# The version of staticcheck is in one place, .ci/run.
STATICCHECK := $(shell sed -n 's/^staticcheck=//p' .ci/run)

# How long each fuzz target runs: make fuzz FUZZTIME=5m
FUZZTIME ?= 20s

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build ./bin/signet
	go build -trimpath -o bin/signet ./cmd/signet

run: ## Run the server on ./config.yaml
	go run ./cmd/signet serve

demo: ## Run an issuer, an app and an API to click through
	go run ./cmd/signet demo

test: ## Run every test
	go test ./...

race: ## Run every test with the race detector
	go test -race ./...

lint: ## Check the format, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt these files:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

fuzz: ## Run each fuzz target for FUZZTIME (20s)
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

browser: modules ## Run the tests in a real browser; needs Chromium
	CI=true go test -count=1 -run Browser ./...

modules: ## Install what the tests use of Node (.ci/node_modules)
	npm ci --prefix .ci

ci: ## Run everything that has to pass, as CI does
	CI=true bash .ci/run

clean: ## Remove what was built; ./data stays
	rm -rf bin .ci/node_modules
	go clean -testcache
