# `make demo` and `make test` are for users. Each target installs what it needs and says so; nothing is installed outside this
# folder except Rust's compilation targets.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOLS := $(TARGET)/tools
MODULE := $(TARGET)/wasm32-wasip1/release/session_persistence.wasm
# The test runner must have the same version as the library in Cargo.lock.
BINDGEN = $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
DENY := 0.20.2
ACTIONLINT := 1.7.12
CYCLONEDX := 0.5.9

say = @printf '\033[1m==> %s\033[0m\n' $(1)

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target what; do \
		printf '%-14s %s\n' "$$target" "$$what"; done

.PHONY: help demo test test-core test-wasm test-envoy mcp mcp-requirements test-gateways test-browser test-compose test-dist module dist try-dist images release-notes lint deny workflows bench bench-scale clean rust-wasip1 rust-unknown

demo: module ## Start backends and Envoy on this machine and show sessions with curl. ONCE=1 ends by itself; ARGS=--cookie-port=8890.
	$(call say,"Building the demo")
	@$(CARGO) build --locked -p integration --bin demo
	@$(CARGO) run --quiet --locked -p integration --bin demo -- $(if $(ONCE),--once) $(ARGS)

test: test-core test-wasm test-envoy ## Run all tests, on a real Envoy too.

test-core: ## Test the filter's core and the compiler natively. Needs nothing but Rust.
	$(call say,"Testing the core natively")
	@$(CARGO) test --locked
	@$(CARGO) test --locked -p strip-exports -p oci-image
	@# The documentation uses `cargo run` without -p, so the default members must have exactly one program.
	@$(CARGO) run --quiet --locked -- --help >/dev/null

test-wasm: rust-unknown $(TOOLS)/bindgen-$(BINDGEN)/bin/wasm-bindgen-test-runner ## Test the filter's core as WebAssembly under Node.js.
	$(call say,"Testing the core as WebAssembly under Node")
	@command -v node >/dev/null || { echo 'Node.js is missing: install it (Debian: apt-get install nodejs) and try again.' >&2; exit 1; }
	@CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$(abspath $(word 2,$^))" \
		$(CARGO) test --locked -p session-persistence --lib --target wasm32-unknown-unknown

test-envoy: module mcp ## Test the compiled module in an embedded host, then on a real Envoy.
	$(call say,"Building envoy-config")
	@$(CARGO) build --locked
	$(call say,"Testing the module and the whole path on a real Envoy")
	@$(CARGO) test --locked --no-fail-fast -p integration

mcp: $(TOOLS)/mcp/installed ## Install the MCP SDK of the tests into a virtual environment.

$(TOOLS)/mcp/installed: integration/mcp/requirements.txt
	$(call say,"Installing the MCP SDK into $(@D) (half a minute; once)")
	@command -v python3 >/dev/null || { echo 'Python 3 is missing: install it (Debian: apt-get install python3 python3-venv) and try again.' >&2; exit 1; }
	@python3 -m venv --clear $(@D) || { echo 'Python cannot make a virtual environment: install its module venv (Debian: apt-get install python3-venv) and try again.' >&2; exit 1; }
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

mcp-requirements: ## Pin the packages of the MCP SDK again, after a change of integration/mcp/requirements.in.
	@python3 -m venv --clear $(TOOLS)/pip-tools
	@$(TOOLS)/pip-tools/bin/pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	@cd integration/mcp && $(abspath $(TOOLS))/pip-tools/bin/pip-compile --quiet --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.txt requirements.in

test-gateways: ## Compare what Envoy Gateway and Istio make of our objects with what `make test` runs. Needs Go; UPDATE=1 accepts it.
	$(call say,"Testing with Envoy Gateway's translator")
	@TOOLS="$(abspath $(TOOLS))" integration/gateways/envoy-gateway/test.sh
	$(call say,"Testing with istiod's translator")
	@TOOLS="$(abspath $(TOOLS))" integration/gateways/istio/test.sh

test-browser: module ## Test the demo's page and its sessions in Chromium. UPDATE_PICTURE=1 renews docs/page.png.
	$(call say,"Testing in a real browser")
	@command -v "$${CHROMEDRIVER:-chromedriver}" >/dev/null || { \
		echo 'Chromium is missing: install it and its driver (Debian: apt-get install chromium chromium-driver) and try again.' >&2; exit 1; }
	@$(CARGO) test --locked -p integration --features browser --test browser

test-compose: ## Test docker-compose.yaml. Needs Docker or another engine (DOCKER=…).
	$(call say,"Testing the containers")
	@integration/compose-test.sh

module: rust-wasip1 ## Compile the filter to the module that Envoy loads.
	$(call say,"Compiling the filter to $(MODULE)")
	@$(CARGO) build --locked --release -p session-persistence --target wasm32-wasip1
	@$(CARGO) run --quiet --locked -p strip-exports -- $(MODULE)

dist: export CYCLONEDX := $(abspath $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx)
dist: rust-wasip1 $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx ## Build the files of a release in dist/. ARCHITECTURES="amd64 arm64" for both.
	$(call say,"Building the files of a release")
	@ARCHITECTURES="$(ARCHITECTURES)" release/dist.sh

test-dist: export CYCLONEDX := $(abspath $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx)
test-dist: rust-wasip1 $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx ## Build a release in two folders and compare the bytes. QUICK=1 leaves out optimizations.
	$(call say,"Building the files of a release twice")
	@QUICK="$(QUICK)" release/reproduce.sh

try-dist: ## Verify the checksums in dist/ and run its envoy-config.
	@release/try.sh

release-notes: ## Print the section of CHANGELOG.md for VERSION=1.2.3.
	@release/notes.sh "$(VERSION)"

images: ## Write the filter and envoy-config of dist/ as OCI images to target/images/. PUSH=1 IMAGES=registry/name VERSION=1.2.3 pushes them.
	$(call say,"Writing the images")
	@VERSION="$(VERSION)" IMAGES="$(IMAGES)" PUSH="$(PUSH)" release/images.sh

lint: rust-wasip1 rust-unknown deny workflows ## Check formatting, clippy, rustdoc, dependencies and workflows.
	$(call say,"Checking the formatting")
	@$(CARGO) fmt --all --check
	$(call say,"Linting")
	@$(CARGO) clippy --locked --workspace --all-targets --all-features -- --deny warnings
	@$(CARGO) clippy --locked -p session-persistence --target wasm32-wasip1 -- --deny warnings
	@$(CARGO) clippy --locked -p session-persistence --lib --tests --target wasm32-unknown-unknown -- --deny warnings
	$(call say,"Documenting")
	@RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --workspace --no-deps
	@RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked -p session-persistence --no-deps --document-private-items --target wasm32-wasip1

deny: $(TOOLS)/deny-$(DENY)/bin/cargo-deny
	$(call say,"Checking the dependencies")
	@$< --locked check --hide-inclusion-graph bans licenses sources
	@if timeout 20 git ls-remote --exit-code -q https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; \
		then $< --locked check --hide-inclusion-graph advisories; \
		else echo 'advisories: NOT checked: the advisory database cannot be reached from here'; fi

# actionlint is a Go program. Without Go, the workflows are not checked; GitHub's runners have Go.
workflows: $(if $(shell command -v go),$(TOOLS)/actionlint-$(ACTIONLINT)/actionlint)
	$(call say,"Checking the workflows")
	@$(if $<,$<,echo 'workflows: NOT checked: Go is missing')

# Only Envoy is measured, so the load generator is built without LTO, which would take minutes.
bench: module ## Measure what sessions cost Envoy, for docs/performance.md (needs valgrind). ARGS=--quick measures less.
	$(call say,"Building the benchmark")
	@CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		$(CARGO) run --quiet --locked --release -p integration --bin bench -- $(ARGS)

bench-scale: ## Measure how long it takes to compile many manifests, and how that grows.
	$(call say,"Measuring")
	@$(CARGO) bench --quiet --locked -p envoy-config --bench scale --profile scale

clean:
	$(CARGO) clean

rust-wasip1: TRIPLE := wasm32-wasip1
rust-unknown: TRIPLE := wasm32-unknown-unknown
rust-wasip1 rust-unknown:
	@command -v $(CARGO) >/dev/null || { echo 'Rust is missing: install rustup (https://rustup.rs) and try again.' >&2; exit 1; }
	@test -d "$$(rustc --print target-libdir --target $(TRIPLE))" || { \
		printf '==> Adding the compilation target %s\n' $(TRIPLE); rustup target add $(TRIPLE); }

$(TOOLS)/bindgen-%/bin/wasm-bindgen-test-runner:
	$(call say,"Installing wasm-bindgen-cli $* into $(TOOLS) (about three minutes; once)")
	@# Without --locked: its lock file names releases that a registry mirror may not have yet.
	@$(CARGO) install --quiet --root $(TOOLS)/bindgen-$* --target-dir $(TOOLS)/build \
		wasm-bindgen-cli --version =$* --bin wasm-bindgen-test-runner --no-default-features

$(TOOLS)/deny-%/bin/cargo-deny:
	$(call say,"Installing cargo-deny $* into $(TOOLS) (some minutes; once)")
	@$(CARGO) install --quiet --locked --root $(TOOLS)/deny-$* --target-dir $(TOOLS)/build cargo-deny --version $*

$(TOOLS)/actionlint-%/actionlint:
	$(call say,"Installing actionlint $* into $(TOOLS) (half a minute; once)")
	@GOBIN=$(abspath $(@D)) go install github.com/rhysd/actionlint/cmd/actionlint@v$*

$(TOOLS)/cyclonedx-%/bin/cargo-cyclonedx:
	$(call say,"Installing cargo-cyclonedx $* into $(TOOLS) (some minutes; once)")
	@$(CARGO) install --quiet --locked --debug --root $(TOOLS)/cyclonedx-$* --target-dir $(TOOLS)/build cargo-cyclonedx --version $*
