# Two commands are for users: `make demo` and `make test`. Each sets up what it needs, and says so; nothing is installed
# outside this folder but Rust's compilation targets.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOLS := $(TARGET)/tools
MODULE := $(TARGET)/wasm32-wasip1/release/session_persistence.wasm
# The runner must have the version of the library in Cargo.lock.
BINDGEN = $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
DENY := 0.20.2
ACTIONLINT := 1.7.12
CYCLONEDX := 0.5.9

say = @printf '\033[1m==> %s\033[0m\n' $(1)

help: ## The targets, and what each is for.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target what; do \
		printf '%-14s %s\n' "$$target" "$$what"; done

.PHONY: help demo test test-core test-wasm test-envoy test-browser test-compose test-dist module dist try-dist images release-notes lint deny workflows bench bench-scale clean rust-wasip1 rust-unknown

demo: module ## The whole path on this machine: backends, Envoy, curl. ONCE=1 ends by itself; ARGS=--cookie-port=8890 and the like.
	$(call say,"Building the demo")
	@$(CARGO) build --locked -p integration --bin demo
	@$(CARGO) run --quiet --locked -p integration --bin demo -- $(if $(ONCE),--once) $(ARGS)

test: test-core test-wasm test-envoy ## Everything, on a real Envoy too.

test-core: ## The filter's core and the compiler, natively: needs nothing but Rust.
	$(call say,"Testing the core natively")
	@$(CARGO) test --locked
	@$(CARGO) test --locked -p strip-exports
	@# The documentation's commands begin with `cargo run`, for which there must be one program to choose from.
	@$(CARGO) run --quiet --locked -- --help >/dev/null

test-wasm: rust-unknown $(TOOLS)/bindgen-$(BINDGEN)/bin/wasm-bindgen-test-runner ## The filter's core as WebAssembly under Node.
	$(call say,"Testing the core as WebAssembly under Node")
	@command -v node >/dev/null || { echo 'Node.js is missing: install it (Debian: apt-get install nodejs) and try again.' >&2; exit 1; }
	@CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$(abspath $(word 2,$^))" \
		$(CARGO) test --locked -p session-persistence --lib --target wasm32-unknown-unknown

test-envoy: module ## The compiled module under an embedded host, then on a real Envoy.
	$(call say,"Testing the module and the whole path on a real Envoy")
	@$(CARGO) test --locked -p integration

test-browser: module ## The page and its sessions in a real Chromium. UPDATE_PICTURE=1 makes docs/page.png anew.
	$(call say,"Testing in a real browser")
	@command -v "$${CHROMEDRIVER:-chromedriver}" >/dev/null || { \
		echo 'Chromium is missing: install it and its driver (Debian: apt-get install chromium chromium-driver) and try again.' >&2; exit 1; }
	@$(CARGO) test --locked -p integration --features browser --test browser

test-compose: ## The containers of docker-compose.yaml: needs an engine, Docker or another (DOCKER=…).
	$(call say,"Testing the containers")
	@integration/compose-test.sh

module: rust-wasip1 ## The filter as a module that Envoy loads.
	$(call say,"Compiling the filter to $(MODULE)")
	@$(CARGO) build --locked --release -p session-persistence --target wasm32-wasip1
	@$(CARGO) run --quiet --locked -p strip-exports -- $(MODULE)

dist: export CYCLONEDX := $(abspath $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx)
dist: rust-wasip1 $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx ## The files of a release, in dist/. ARCHITECTURES="amd64 arm64" for both.
	$(call say,"Building the files of a release")
	@ARCHITECTURES="$(ARCHITECTURES)" release/dist.sh

test-dist: export CYCLONEDX := $(abspath $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx)
test-dist: rust-wasip1 $(TOOLS)/cyclonedx-$(CYCLONEDX)/bin/cargo-cyclonedx ## Two builds of a release in two folders give the same bytes. QUICK=1 without optimisations.
	$(call say,"Building the files of a release twice")
	@QUICK="$(QUICK)" release/reproduce.sh

try-dist: ## The files in dist/ are whole and run on this machine.
	@release/try.sh

release-notes: ## What CHANGELOG.md says of VERSION=1.2.3.
	@release/notes.sh "$(VERSION)"

images: ## Container images of the files in dist/, IMAGES=registry/name VERSION=1.2.3. PUSH=1 pushes them.
	$(call say,"Building the images")
	@for image in envoy envoy-config; do \
		docker buildx build --platform linux/amd64,linux/arm64 --file release/Dockerfile --target $$image \
			--tag "$(IMAGES)/$$image:$(VERSION)" --output type=image,push=$(if $(PUSH),true,false) dist || exit; \
	done

lint: rust-wasip1 rust-unknown deny workflows ## Formatting, clippy on all targets, documentation, dependencies, workflows.
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

# actionlint is a Go program. Without Go the workflows are not checked; GitHub's runners have it.
workflows: $(if $(shell command -v go),$(TOOLS)/actionlint-$(ACTIONLINT)/actionlint)
	$(call say,"Checking the workflows")
	@$(if $<,$<,echo 'workflows: NOT checked: Go is missing')

# Only Envoy is measured: what sends the requests need not be optimised as a whole, which takes minutes.
bench: module ## CPU per request against Envoy's own stateful_session filter, in one paired run.
	$(call say,"Measuring")
	@CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		$(CARGO) run --quiet --locked --release -p integration --bin bench

bench-scale: ## What compiling many manifests costs, and how the cost grows.
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
	@# Without its lock file, which asks for releases that a registry mirror may not have yet.
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
