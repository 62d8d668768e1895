#!/usr/bin/env bash
# Tries the files in dist/ on this machine: the checksums, and what `envoy-config` of this architecture renders.
# `make try-dist` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

(cd dist && sha256sum --check --quiet --strict SHA256SUMS)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Downloads lose the permission to run.
install --mode=755 "dist/envoy-config-linux-$(release/architecture.sh)" "$work/envoy-config"
"$work/envoy-config" --version
"$work/envoy-config" render --filename envoy-config/examples/quickstart --allow-loopback-endpoints \
    --map-port eg/http=8888 --map-port eg-header/http=8889 --output "$work/envoy.yaml"
grep -q 'name: session-persistence' "$work/envoy.yaml"
