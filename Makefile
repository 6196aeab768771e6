# make up     build and start the example project: needs Rust and Node
# make test   every test that needs no browser: Rust, Node and Python      make test-browser   those of the pages: Chromium as well
# make ci     all that can be checked: all of the above                    make bench          measure, beside others: Python and Java

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET  := $(or $(CARGO_TARGET_DIR),target)
PROGRAM := $(TARGET)/release/millrace
MODULES := web/node_modules/.package-lock.json
PAGES   := web/node_modules/.pages-built

.PHONY: help up build test test-rust test-pages test-browser ci lint deny doc bench fmt clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

up: ## build everything and start the example project at http://localhost:8000
	@.ci/need rust node
	@$(MAKE) --no-print-directory build
	exec $(PROGRAM) up examples/online-retail

build: $(PAGES) ## build the pages and the program
	cargo build --release

$(MODULES): web/package.json web/package-lock.json
	npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

# The pages are embedded in the program. What stands in their place until they are built must not pass for them.
ifeq ($(wildcard web/dist/assets/*),)
.PHONY: $(PAGES)
endif
$(PAGES): $(MODULES) $(shell find web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
	npm --prefix web run --silent build
	@touch $@

test: ## set up what the tests need and run every one
	@MILLRACE_INSTALL=1 .ci/need rust node python java kcat librdkafka
	@$(MAKE) --no-print-directory test-rust test-pages

test-rust: $(PAGES)
	MILLRACE_TEST_PYTHON="$$(.ci/python)" cargo test --release --workspace

test-pages: $(MODULES)
	npm --prefix web run --silent check
	npm --prefix web run --silent test

test-browser: ## the pages in Chromium, against a stand-in server and against the program
	@MILLRACE_INSTALL=1 .ci/need rust node chromium
	@$(MAKE) --no-print-directory build
	.ci/pages $(PROGRAM)

ci: lint test test-browser doc deny ## everything that can be checked

lint: $(PAGES) ## format and clippy, in the profile that is built anyway
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

doc: $(PAGES) ## the documentation of the crates, without a warning
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# The advisories live in a git repository; a machine that cannot reach it says so and goes on.
deny: ## licences, sources and bans of the dependencies
	@export PATH="$$PATH:$$(dirname "$$(.ci/python)")"; \
	cargo deny --log-level error check licenses bans sources; \
	cargo deny --log-level error check advisories || \
	  { git ls-remote -q https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1 && exit 1; \
	    echo "advisories not checked: their database cannot be reached from here"; }

bench: build ## 10 M rows from file to warehouse and lake, the delay of the live feed, the Kafka port beside Apache Kafka, and the log alone
	@MILLRACE_INSTALL=1 .ci/need python java librdkafka
	MILLRACE_BENCH_PYTHON="$$(.ci/python)" cargo bench --bench retail
	cargo bench --bench kafka
	cargo bench --workspace --bench append

fmt: ## format everything
	cargo fmt --all

clean: ## everything that was built, and what the example project wrote
	cargo clean
	rm -rf web/node_modules web/dist examples/*/.millrace examples/*/lake
