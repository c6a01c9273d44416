# `make help` lists what there is to make. Every target works alone, on a fresh machine with make, a
# C compiler and rustup; what else it needs it installs with the ordinary clients and says so.
# What the tests build, too, is named by its target and not by its package: with `--package` the features of
# the dependencies are others, and all of them are compiled once more.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASM := wasm32-wasip1
WASM_WEB := wasm32-unknown-unknown
WEB := $(TARGET_DIR)/web
TOOLS := $(TARGET_DIR)/tools
CLUSTER := $(TARGET_DIR)/cluster
STATIC := $(shell uname -m)-unknown-linux-musl
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2

# Where `make playground` serves the page, on 127.0.0.1.
PORT ?= 8080

# How long `make fuzz` stays with each target, in seconds.
FUZZ_SECONDS ?= 60

MANIFESTS := Cargo.toml Cargo.lock rust-toolchain.toml
POLICY_SOURCES := $(MANIFESTS) $(shell find src -name '*.rs')
HOST_SOURCES := $(shell find tests/host -name '*.rs' -o -path 'tests/host/Cargo.toml')
MANIFEST_SOURCES := $(POLICY_SOURCES) $(shell find manifest/src -name '*.rs') manifest/Cargo.toml
SIDECAR_SOURCES := $(MANIFEST_SOURCES) $(shell find sidecar/src -name '*.rs') sidecar/Cargo.toml
FILES_SOURCES := $(MANIFEST_SOURCES) $(shell find check/files -type f)
CHECK_SOURCES := $(FILES_SOURCES) $(shell find check/src -name '*.rs') check/Cargo.toml policy-metadata.yml $(shell find rules -type f)
BINDGEN_SOURCES := $(shell find web/bindgen -name '*.rs' -o -name Cargo.toml)
WEB_SOURCES := $(POLICY_SOURCES) $(shell find web/src -name '*.rs') web/Cargo.toml
TEXT_SOURCES := $(MANIFEST_SOURCES) $(shell find web/text/src -name '*.rs') web/text/Cargo.toml
NPM_SOURCES := $(shell find web/npm/src -name '*.ts') web/npm/embed.js web/npm/package.json web/npm/tsconfig.json web/tsconfig.json
PLAYGROUND_SOURCES := $(shell find web/playground -path '*/node_modules' -prune -o -path web/playground/dist -prune -o -path web/playground/test -prune -o -type f -print)
XTASK_SOURCES := $(FILES_SOURCES) $(HOST_SOURCES) $(shell find xtask -name '*.rs' -o -path 'xtask/Cargo.toml')

say = @printf '\n>> %s\n' '$(1)'

# A module for WebAssembly of a package, with a profile, for a target. Places in panics name the crate
# and not the folder of this machine: whoever builds it gets the same bytes. The linker leaves room for
# the largest index in every reference unless it is told to compress them: a fifteenth of the module.
build_module = cargo fetch --locked --quiet; \
	sources=$$(printf '"--remap-path-prefix=%s/=",' $${CARGO_HOME:-$$HOME/.cargo}/registry/src/*); \
	cargo rustc --locked --package $(1) --lib --crate-type cdylib --profile $(2) --target $(3) \
		--config "target.$(3).rustflags=[$$sources\"-Clink-args=--strip-debug --compress-relocations\"]"

##@ Build

policy.wasm: $(POLICY_SOURCES) | toolchain ## the module as the compiler makes it
	$(call say,building the policy for $(WASM); the first time takes about a minute)
	$(call build_module,skupper-access-policy,policy,$(WASM))
	cp $(TARGET_DIR)/$(WASM)/policy/skupper_access_policy.wasm $@

annotated-policy.wasm: policy.wasm policy-metadata.yml usage.md $(XTASK_SOURCES) ## the module with Kubewarden's metadata, as it is published
	$(call say,adding the metadata)
	cargo run --locked --quiet --bin xtask -- annotate policy.wasm $@
	@ls -l policy.wasm $@ | awk '{ print "   " $$9 ": " $$5 " bytes" }'

redemption-sidecar: $(SIDECAR_SOURCES) | toolchain ## the binary that issues, serves and redeems tokens
	$(call say,building the redemption sidecar; the first time takes about five minutes)
	cargo build --locked --profile sidecar --package redemption-sidecar
	cp $(TARGET_DIR)/sidecar/redemption-sidecar $@
	@ls -l $@ | awk '{ print "   " $$9 ": " $$5 " bytes" }'

.PHONY: sidecar-static
sidecar-static: static/redemption-sidecar ## the same as one static binary, static/redemption-sidecar: for every Linux, and for the image

static/redemption-sidecar: $(SIDECAR_SOURCES) | musl
	$(call say,building the static redemption sidecar; the first time takes about five minutes)
	CC_$(subst -,_,$(STATIC))=musl-gcc cargo build --locked --profile sidecar --target $(STATIC) --package redemption-sidecar
	mkdir -p static
	cp $(TARGET_DIR)/$(STATIC)/sidecar/redemption-sidecar $@
	@ldd $@ 2>&1 | grep -Eq 'statically linked|not a dynamic executable' || { echo '$@ is not static' >&2; rm $@; exit 1; }
	@ls -l $@ | awk '{ print "   " $$9 ": " $$5 " bytes" }'

skupper-access-check: $(CHECK_SOURCES) | toolchain ## the binary that judges manifests in files, for CI and editors
	$(call say,building the checker; the first time takes about a minute)
	cargo build --locked --profile sidecar --package skupper-access-check
	cp $(TARGET_DIR)/sidecar/skupper-access-check $@
	@ls -l $@ | awk '{ print "   " $$9 ": " $$5 " bytes" }'

.PHONY: web
web: $(WEB)/npm $(WEB)/playground ## the npm package and the playground, into web/npm/dist and web/playground/dist

# The modules for JavaScript, each with what is generated around it.
web/npm/dist/policy_bg.wasm: $(WEB_SOURCES)
web/npm/dist/text_bg.wasm: $(TEXT_SOURCES)
web/npm/dist/%_bg.wasm: $(BINDGEN_SOURCES) | toolchain
	$(call say,building the module $* for JavaScript; the first time takes about three minutes)
	$(call build_module,skupper-access-$*-web,web,$(WASM_WEB))
	cargo run --locked --quiet --bin bindgen -- $(TARGET_DIR)/$(WASM_WEB)/web/skupper_access_$*_web.wasm web/npm/dist $*

web/node_modules/.package-lock.json: web/package-lock.json | node
	$(call say,installing what the JavaScript parts are built and tested with)
	cd web && npm ci --no-audit
	touch $@

$(WEB)/npm: $(NPM_SOURCES) LICENSE web/npm/dist/policy_bg.wasm web/npm/dist/text_bg.wasm web/node_modules/.package-lock.json
	$(call say,building the npm package)
	cp LICENSE web/npm
	cd web && npm run build --workspace npm
	mkdir -p $(WEB) && touch $@

$(WEB)/playground: $(WEB)/npm $(WEB)/pages.json $(PLAYGROUND_SOURCES)
	$(call say,building the playground and the rule reference)
	cd web && RULE_PAGES=$(abspath $(WEB)/pages.json) npm run build --workspace playground
	touch $@

##@ Try

.PHONY: demo
demo: annotated-policy.wasm ## reviews the manifests of examples/ in the module that ships, then links two sites
	$(call say,the policy at work)
	@cargo run --locked --quiet --bin xtask -- demo annotated-policy.wasm
	$(call say,building the redemption sidecar; the first time takes about two minutes)
	@cargo build --locked --bin redemption-sidecar
	$(call say,the redemption sidecar at work)
	@sidecar/demo.sh $(TARGET_DIR)/debug/redemption-sidecar

.PHONY: review
review: annotated-policy.wasm ## reviews your own manifests: make review FILES="grant.yml token.yml" SETTINGS=settings.yml
	@test -n '$(FILES)' || { echo 'name the manifests: make review FILES="grant.yml token.yml"' >&2; exit 1; }
	@cargo run --locked --quiet --bin xtask -- review annotated-policy.wasm $(if $(SETTINGS),--settings $(SETTINGS)) $(FILES)

.PHONY: playground
playground: $(WEB)/playground ## serves the playground and the rule reference on 127.0.0.1; PORT=8080
	@! (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null || { echo 'port $(PORT) is taken: choose another with `make playground PORT=$(shell echo $$(($(PORT) + 1)))`' >&2; exit 1; }
	@printf '\n>> the playground is at http://127.0.0.1:%s/ and the rules at http://127.0.0.1:%s/rules/index.html; Ctrl-C ends it\n' $(PORT) $(PORT)
	@cd web/playground && npm exec --no -- vite preview --port $(PORT) --logLevel warn

##@ Test

.PHONY: test
test: annotated-policy.wasm | test-tools ## everything that needs no Kubernetes: the crates, the module in a wasm host, the browser
	$(call say,testing)
	cargo test --locked
	@$(MAKE) --no-print-directory web-tests

.PHONY: web-tests
web-tests: web $(WEB)/cases.jsonl | test-tools ## the npm package and the playground, in Node and in Chromium
	$(call say,testing the JavaScript parts)
	cd web && CASES=$(abspath $(WEB)/cases.jsonl) npm test --workspace npm
	cd web && RULE_PAGES=$(abspath $(WEB)/pages.json) npm test --workspace playground

# The rule pages as JSON, for the playground and the rule reference.
$(WEB)/pages.json: $(POLICY_SOURCES) $(shell find manifest/src rules -type f) | toolchain
	mkdir -p $(WEB)
	cargo run --locked --quiet --bin rule-pages > $@

# What the library answers to the questions that every door is asked.
$(WEB)/cases.jsonl: $(POLICY_SOURCES) $(shell find tests/support rules tests/reviews tests/durations -type f) | toolchain
	mkdir -p $(WEB)
	cargo run --locked --quiet --bin cases > $@

# What runs beside the cluster tests, unless KUBEBUILDER_ASSETS names a folder with all of it.
CONTROL_PLANE := $(if $(KUBEBUILDER_ASSETS),,$(CLUSTER)/kube-apiserver $(CLUSTER)/kubectl etcd)

.PHONY: cluster-tests
cluster-tests: annotated-policy.wasm $(CONTROL_PLANE) ## the product against a real Kubernetes API server; KUBEBUILDER_ASSETS names one that is built already
	$(call say,testing against kube-apiserver; the first build takes about ten minutes for wasmtime)
	@$(MAKE) --no-print-directory test-tools TEST_TOOLS=openssl
	cargo build --locked --package redemption-sidecar --package cluster-tests
	cargo test --locked --package cluster-tests

# Kubernetes publishes its API server and kubectl as a Go module, which builds like any other.
$(CLUSTER)/kube-apiserver $(CLUSTER)/kubectl: $(wildcard tests/cluster/apiserver/*.go tests/cluster/apiserver/*/*.go) tests/cluster/apiserver/go.mod tests/cluster/apiserver/go.sum | go
	$(call say,building $(@F); the first time takes about six minutes)
	cd tests/cluster/apiserver && go build -mod=readonly -o $(abspath $@) \
		-ldflags "-X k8s.io/component-base/version.gitVersion=$$(go list -m -f '{{.Version}}' k8s.io/kubernetes)" \
		$(if $(filter kubectl,$(@F)),./kubectl,.)

# Its addresses and its kubeconfig change with every start.
.PHONY: api-server
api-server: annotated-policy.wasm $(CONTROL_PLANE) ## an API server to try things on, with Skupper's kinds and the policy; Ctrl-C ends it
	$(call say,building the host of the policy; the first time takes about ten minutes for wasmtime)
	cargo run --locked --package cluster-tests --bin api-server -- $(CLUSTER)/kubeconfig

.PHONY: e2e-tests
e2e-tests: annotated-policy.wasm ## runs e2e.bats with kwctl, as Kubewarden tests its policies
	@command -v kwctl >/dev/null || { echo 'kwctl is missing: take it from https://github.com/kubewarden/adm-controller/releases and put it on the PATH' >&2; exit 1; }
	@command -v bats >/dev/null || { echo 'bats is missing: install it with `apt-get install bats` or `npm install -g bats`' >&2; exit 1; }
	@command -v jq >/dev/null || { echo 'jq is missing: install it with `apt-get install jq`' >&2; exit 1; }
	bats e2e.bats

.PHONY: bench
bench: bench-policy bench-redemptions bench-cluster bench-check ## prints what the parts cost next to what cannot be avoided, and the goals

.PHONY: bench-policy
bench-policy: annotated-policy.wasm ## what the policy costs next to a guest that does nothing
	$(call say,building the benchmarks; the first time takes about five minutes for wasmtime)
	cargo rustc --locked --package noop-guest --profile policy --target $(WASM)
	cargo run --locked --release --package policy-bench -- $(BENCH_ARGS) annotated-policy.wasm $(TARGET_DIR)/$(WASM)/policy/noop_guest.wasm

.PHONY: bench-redemptions
bench-redemptions: redemption-sidecar | test-tools ## what a redemption costs; BENCH_ARGS=--quick for a glance
	$(call say,measuring redemptions; takes about five minutes on a machine that does nothing else)
	cargo run --locked --profile sidecar --package redemption-bench -- $(BENCH_ARGS) --folder $(TARGET_DIR) ./redemption-sidecar

.PHONY: bench-cluster
bench-cluster: annotated-policy.wasm redemption-sidecar $(CONTROL_PLANE) ## what a redemption costs on a cluster's store, and what the policy adds to a create
	$(call say,measuring on kube-apiserver; takes about ten minutes on a machine that does nothing else)
	cargo rustc --locked --package noop-guest --profile policy --target $(WASM)
	cargo run --locked --release --package cluster-bench -- $(BENCH_ARGS) --folder $(TARGET_DIR) ./redemption-sidecar

.PHONY: bench-check
bench-check: skupper-access-check ## what it costs to check 10,000 manifests: time and memory
	$(call say,measuring the checker; takes about a minute)
	cargo run --locked --release --package check-bench -- ./skupper-access-check

.PHONY: fuzz
fuzz: | toolchain ## fuzzes every untrusted input for FUZZ_SECONDS (60) each, with a nightly compiler
	@test -d fuzz || { echo 'there is no folder fuzz' >&2; exit 1; }
	@rustup toolchain list | grep -q '^nightly' || { echo '>> installing the nightly toolchain'; rustup toolchain install nightly --profile minimal; }
	@test -x $(TOOLS)/bin/cargo-fuzz || { echo '>> installing cargo-fuzz into $(TOOLS)'; cargo install --locked --root $(TOOLS) cargo-fuzz@$(CARGO_FUZZ_VERSION); }
	for target in $$(PATH="$(abspath $(TOOLS))/bin:$$PATH" cargo +nightly fuzz list); do \
		echo ">> fuzzing $$target"; \
		mkdir -p "$(TARGET_DIR)/fuzz-corpus/$$target"; \
		PATH="$(abspath $(TOOLS))/bin:$$PATH" cargo +nightly fuzz run "$$target" "$(TARGET_DIR)/fuzz-corpus/$$target" "fuzz/corpus/$$target" -- -max_total_time=$(FUZZ_SECONDS) -timeout=25 -detect_leaks=0 -dict=fuzz/words.dict; \
	done

##@ Check

.PHONY: lint
lint: $(TOOLS)/bin/cargo-deny | toolchain ## format, clippy for the whole workspace, and the dependencies against deny.toml
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo clippy --locked --package skupper-access-policy --package noop-guest --lib --target $(WASM) -- --deny warnings
	$(TOOLS)/bin/cargo-deny --workspace --locked check bans licenses sources
	$(call say,advisories; they block nothing)
	-$(TOOLS)/bin/cargo-deny --workspace --locked check advisories

.PHONY: fmt
fmt: | toolchain ## formats the code
	cargo fmt --all

.PHONY: generate
generate: | toolchain ## writes questions-ui.yml, artifacthub-pkg.yml, the head of web/npm/package.json and the tables of docs/reference.md
	cargo run --quiet --bin xtask -- generate

$(TOOLS)/bin/cargo-deny:
	$(call say,installing cargo-deny into $(TOOLS); takes some minutes)
	cargo install --locked --root $(TOOLS) cargo-deny@$(CARGO_DENY_VERSION)

##@ Rest

.PHONY: clean
clean: ## removes what was built
	cargo clean
	rm -f policy.wasm annotated-policy.wasm redemption-sidecar skupper-access-check
	rm -rf static web/node_modules web/*/node_modules web/*/dist web/npm/build web/npm/LICENSE

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9.-]+:.*## / { printf "  %-24s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What the tests of the sidecar run beside it, and the browser. Debian's packages have the names of the
# tools.
# CHROMIUM names another browser than Debian's.
TEST_TOOLS := curl faketime openssl strace $(if $(CHROMIUM),,chromium)

.PHONY: test-tools
test-tools:
	@missing=; for tool in $(TEST_TOOLS); do command -v $$tool >/dev/null || missing+=" $$tool"; done; \
	test -n "$$missing" || exit 0; \
	case "$$missing" in *chromium*) missing+=' fonts-dejavu-core';; esac; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { echo "missing for the tests:$$missing: install with \`apt-get install$$missing\`" >&2; exit 1; }; \
	echo ">> installing$$missing"; \
	apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends $$missing

# rust-toolchain.toml names the compiler, its components and its targets.
.PHONY: toolchain
toolchain:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install rustup from https://rustup.rs' >&2; exit 1; }
	@for target in $(WASM) $(WASM_WEB); do \
		test -d "$$(rustc --print sysroot)/lib/rustlib/$$target/lib" && continue; \
		command -v rustup >/dev/null || { echo "the target $$target is missing: install rustup from https://rustup.rs, or the target with the client that installed Rust" >&2; exit 1; }; \
		echo ">> installing the target $$target"; \
		rustup target add $$target; \
	done
	@command -v cc >/dev/null || { echo 'a C compiler is missing: install it with `apt-get install gcc libc6-dev`' >&2; exit 1; }

# The C library that can be linked statically, with its compiler.
.PHONY: musl
musl:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install rustup from https://rustup.rs' >&2; exit 1; }
	@test -d "$$(rustc --print sysroot)/lib/rustlib/$(STATIC)/lib" || { \
		command -v rustup >/dev/null || { echo 'the target $(STATIC) is missing: install rustup from https://rustup.rs, or the target with the client that installed Rust' >&2; exit 1; }; \
		echo '>> installing the target $(STATIC)'; rustup target add $(STATIC); }
	@command -v musl-gcc >/dev/null && exit 0; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { echo 'musl-gcc is missing: install it with `apt-get install musl-tools`' >&2; exit 1; }; \
	echo '>> installing musl-tools'; \
	apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends musl-tools

.PHONY: go
go:
	@command -v go >/dev/null || { echo 'go is missing: install it from https://go.dev/dl, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, kubectl and etcd' >&2; exit 1; }

# The package may start a service, which nothing here needs.
.PHONY: etcd
etcd:
	@command -v etcd >/dev/null && exit 0; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { echo 'etcd is missing: install it with `apt-get install --no-install-recommends etcd-server`, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, kubectl and etcd' >&2; exit 1; }; \
	echo '>> installing etcd'; \
	apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends etcd-server; \
	! test -d /run/systemd/system || systemctl disable --quiet --now etcd

.PHONY: node
node:
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null || { \
		echo 'Node 20.19 or later with npm is missing: install it from https://nodejs.org, or with `apt-get install nodejs npm` where `apt-cache policy nodejs` names such a version' >&2; exit 1; }
