#!/usr/bin/env bash
# Writes the files of a release to dist/: the filter, `envoy-config` as a static program for Linux, an SBOM of each, and
# their checksums. `make dist` calls it.
#
# The same sources give the same bytes in every folder: no path of this machine gets into a file, and the linker is the
# one that comes with the Rust toolchain. `make test-dist` builds twice and compares.
#
# Environment: ARCHITECTURES, `amd64 arm64` or one of them, for which `envoy-config` is built (this machine's); CYCLONEDX, the
# program cargo-cyclonedx; SOURCE_DATE_EPOCH, the time in the SBOMs (that of the last commit); PROFILE, Cargo's (release).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

CARGO=${CARGO:-cargo}
ARCHITECTURES=${ARCHITECTURES:-$(release/architecture.sh)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
root=$PWD
target=${CARGO_TARGET_DIR:-target}/dist
cargo_home=${CARGO_HOME:-$HOME/.cargo}
profile=${PROFILE:-release}
output=$profile
[ "$profile" != dev ] || output=debug

rm -rf dist
mkdir dist

# The sources of dependencies are in folders whose names depend on the registry's address.
"$CARGO" fetch --quiet --locked
flags=("--remap-path-prefix=$root=/src")
for registry in "$cargo_home"/registry/src/*/; do
    flags+=("--remap-path-prefix=${registry%/}=/crates")
done

# compile PACKAGE TRIPLE [FLAG…]: builds a package. A setting of this form adds to the flags in .cargo/config.toml, while
# RUSTFLAGS would replace them.
compile() {
    local package=$1 triple=$2
    shift 2
    "$CARGO" build --locked --profile "$profile" --package "$package" --target "$triple" --target-dir "$target" \
        --config "target.'cfg(all())'.rustflags = [$(printf '"%s",' "${flags[@]}" "$@")]"
}

# bill PACKAGE FOLDER TRIPLE: writes the SBOM of a package. The tool writes one beside each manifest of the workspace, with
# the paths of this machine in it.
bill() {
    "$CYCLONEDX" cyclonedx --quiet --manifest-path "$2/Cargo.toml" --format json --spec-version 1.5 \
        --target "$3" --override-filename dist.sbom
    sed "s,$root,/src,g" "$2/dist.sbom.json" >"dist/$1.cdx.json"
    rm -f ./*/dist.sbom.json ./*/*/dist.sbom.json
}

compile session-persistence wasm32-wasip1
install --mode=644 --target-directory=dist "$target/wasm32-wasip1/$output/session_persistence.wasm"
"$CARGO" run --quiet --locked -p strip-exports -- dist/session_persistence.wasm
bill session-persistence filter wasm32-wasip1

for architecture in $ARCHITECTURES; do
    case $architecture in
        amd64) triple=x86_64-unknown-linux-musl ;;
        arm64) triple=aarch64-unknown-linux-musl ;;
        *) echo "unknown architecture: $architecture" >&2; exit 2 ;;
    esac
    [ -d "$(rustc --print target-libdir --target "$triple")" ] || rustup target add "$triple"
    compile envoy-config "$triple" -Clinker=rust-lld -Clink-self-contained=yes
    install --mode=755 "$target/$triple/$output/envoy-config" "dist/envoy-config-linux-$architecture"
done
# Every architecture has the same dependencies.
bill envoy-config envoy-config x86_64-unknown-linux-musl

cd dist
sha256sum -- * >SHA256SUMS
cat SHA256SUMS
