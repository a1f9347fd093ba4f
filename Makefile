# Everything a person needs is a target here. `make help` lists them.

GO       ?= go
MODULES  := shared error-tracker log-viewer metrics-collector browser-relay e2e
# A service is a folder with a main.go; those that come later have none yet.
SERVICES := $(patsubst %/main.go,%,$(wildcard $(addsuffix /main.go,error-tracker log-viewer metrics-collector browser-relay)))
CODE     := $(foreach m,$(MODULES),$(if $(shell find $(m) -name '*.go' -print -quit),$(m)))
LINTED   := $(CODE) tools/docs
TOOLS    := $(CURDIR)/.tools
LINT     := $(TOOLS)/golangci-lint
LINT_VERSION := v2.15.0

export CGO_ENABLED ?= 0

.PHONY: help build run up down images dist demo test test-go test-e2e test-openapi test-browser test-python test-deploy soak mutations fuzz docs bench lint fmt clean versions screenshots

help: ## show this list
	@grep -hE '^[a-z0-9%-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: $(addprefix bin/,$(SERVICES)) ## build the services into bin/

.PHONY: $(addprefix bin/,$(SERVICES))
$(addprefix bin/,$(SERVICES)): bin/%:
	@mkdir -p bin
	GO='$(GO)' scripts/compile.sh $* $@

run: build ## build and start everything; keys are made on first start and printed
	@scripts/run.sh

up: ## build and start everything in containers; data in deploy/data
	@scripts/up.sh

down: ## stop the containers that make up started; the data stays
	@scripts/up.sh down

images: ## build the container images and check their size
	@scripts/images.sh

dist: ## archives of the programs for amd64 and arm64, with checksums, in dist/
	@scripts/dist.sh

demo: build ## start everything and let real programs crash into it
	@scripts/demo.sh

test: ## run every suite; says loudly what it could not run
	@scripts/test.sh

test-go test-e2e test-openapi test-browser test-python test-deploy: test-%:
	@scripts/test.sh $*

soak: build ## the long fault tests: SOAK_ROUNDS (1000) kills, SOAK_CUTS (1000) power cuts, SOAK_DURATION (1h) of the full stack, SOAK_FLOOD_MS (5 min), SOAK_READERS_MS (10 min), SOAK_OVERLOAD_MS (2 min) for each step
	@rm -f e2e/out/figures.jsonl
	cd shared && $(GO) test -tags soak -count=1 -run TestTheTimeOf -v ./auth
	cd e2e && E2E_BIN=$(CURDIR)/bin $(GO) test -tags soak -count=1 -run Soak -timeout 12h -v .
	cd e2e && E2E_BIN=$(CURDIR)/bin SOAK_ROUNDS=$${SOAK_ROUNDS:-1000} SOAK_CUTS=$${SOAK_CUTS:-1000} SOAK_SYSCALLS=$${SOAK_SYSCALLS:-60} \
		SOAK_FLOOD_MS=$${SOAK_FLOOD_MS:-300000} SOAK_READERS_MS=$${SOAK_READERS_MS:-600000} \
		SOAK_OVERLOAD_MS=$${SOAK_OVERLOAD_MS:-120000} SOAK_DURATION=$${SOAK_DURATION:-1h} $(GO) test -tags soak -count=1 -timeout 12h -v ./promises
	@cd e2e && $(GO) run ./figures

mutations: ## take one safety after the other out and see its test turn red; half an hour
	cd e2e && $(GO) run ./mutations

fuzz: ## every fuzz target for FUZZ_SECONDS (30); prints a table
	@scripts/fuzz.sh

docs: build ## the documentation as a static site, in dist/docs
	cd tools/docs && GOWORK=off $(GO) run . $(CURDIR) $(CURDIR)/bin $(CURDIR)/dist/docs

bench: build ## measure speed and memory of the built services; ends with one table of all (BENCH_QUICK=1: short measurements)
	@scripts/bench.sh

lint: $(LINT) ## gofmt, go vet with and without the workspace, golangci-lint with the dependency rule
	@scripts/lint.sh $(LINT) $(LINTED)

$(LINT):
	GOBIN=$(TOOLS) GOWORK=off GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

fmt: ## format the Go code
	gofmt -w $(LINTED)

screenshots: build ## take the pictures in docs/screenshots again
	@UPDATE_SCREENSHOTS=1 scripts/test.sh browser

versions: ## print the version of each component
	@for s in $(SERVICES); do printf '%-20s %s\n' $$s "$$(cat $$s/VERSION)"; done; \
	printf '%-20s %s\n' python "$$(sed -n 's/^version = "\(.*\)"/\1/p' clients/python/pyproject.toml)"; \
	printf '%-20s %s\n' js "$$(sed -n 's/^  "version": "\(.*\)",/\1/p' clients/js/package.json)"

release-%: ## release a component: make release-error-tracker V=1.2.3 (also -python, -js, -services, -all)
	@scripts/release.sh $* '$(V)'

clean: ## remove what was built; keeps keys and data
	rm -rf bin dist .tools e2e/out
