# One command each. What they need beside a Rust toolchain, make, bash and python3 they install by themselves.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# One thing at a time, in the order written: two compilers at once need more memory than a small machine has.
.NOTPARALLEL:

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO ?=
DOCKER ?= docker
# Stories mostly wait, for AWS and for time to pass: more of them than processors.
TEST_THREADS ?= 6

.PHONY: help
help:
	@echo 'make demo              control plane, simulated AWS, operator and examples in the foreground; Ctrl-C ends it'
	@echo 'make demo DEMO=once    the same, ends when everything was shown: exit code 0 or 1'
	@echo 'make up, make down     the same environment in the background; `. .local/env` for kubectl and aws'
	@echo 'make test              everything: format, lints, unit, schema, system, conformance'
	@echo 'make generate          CRDs, what the chart has of the operator, the schema of exports, the field reference'
	@echo 'make bench             speed and memory, release build'
	@echo 'make image             the container image, by BuildKit'
	@echo 'make lint, make fmt    clippy; rustfmt'

.PHONY: build
build:
	$(CARGO) build --workspace

# The control plane is built on first use, after the Rust build.
.PHONY: demo
demo: build
	$(TARGET)/debug/local demo $(if $(filter once,$(DEMO)),--once)

.PHONY: up
up: build
	$(TARGET)/debug/local up

.PHONY: down
down:
	@if [ -x $(TARGET)/debug/local ]; then $(TARGET)/debug/local down; else $(CARGO) run --quiet --bin local -- down; fi

.PHONY: test
test: lint test-build test-control-plane test-judges test-cargo test-conformance

.PHONY: fmt
fmt:
	$(CARGO) fmt --all

.PHONY: lint
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# Binaries too, since the tests start the simulator as it is built here.
.PHONY: test-build
test-build:
	$(CARGO) build --workspace --all-targets

.PHONY: test-control-plane
test-control-plane:
	tests/control-plane/build.sh
	tests/control-plane/test.sh

# Helm, promtool and others that judge what we ship: made by themselves, so that no test waits for them.
.PHONY: test-judges
test-judges:
	tests/judges/build.sh
	tests/image/tools.sh

.PHONY: test-cargo
test-cargo:
	$(TARGET)/debug/local rights --forget
	RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace
	$(TARGET)/debug/local rights

.PHONY: test-conformance
test-conformance:
	SIMULATOR=$(TARGET)/debug/incident-operator-simulator tests/conformance/run

.PHONY: generate
generate: build
	$(TARGET)/debug/incident-operator crds --out crds
	$(TARGET)/debug/incident-operator crds --out charts/incident-operator/files/crds
	$(TARGET)/debug/incident-operator rbac --rules > charts/incident-operator/files/rules.yaml
	$(TARGET)/debug/incident-operator examples --out docs/examples
	$(TARGET)/debug/incident-operator export --schema > docs/export.schema.json
	$(TARGET)/debug/local reference --out docs/reference

.PHONY: bench
bench:
	$(CARGO) build --workspace --release
	$(TARGET)/release/bench

.PHONY: image
image:
	$(DOCKER) build --build-arg REVISION=$(shell git rev-parse HEAD) --tag incident-operator:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1) .
