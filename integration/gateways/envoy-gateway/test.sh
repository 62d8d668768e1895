#!/bin/sh
# Builds Envoy Gateway's own translator, gives it the objects that `envoy-config` writes, and compares what it writes with the fixture
# that the tests run on a real Envoy. UPDATE=1 replaces the fixture.
set -eu

VERSION=1.9.1
root=$(cd "$(dirname "$0")/../../.." && pwd)
tools=${TOOLS:-$root/target/tools}/translate-$VERSION
fixture=$root/integration/tests/envoy/gateways/envoy-gateway

. "$root/integration/gateways/common.sh"

if ! test -x "$tools/translate"; then
    echo "==> Building Envoy Gateway's translator $VERSION into $tools (about 10 minutes on two cores; once)"
    mkdir -p "$tools"
    cd "$tools"
    copy_source github.com/envoyproxy/gateway "v$VERSION"
    cd source
    # `egctl x translate` alone: the other commands need twice as many packages.
    mkdir cmd/translate
    for file in translate.go utils.go; do
        sed 's/^package egctl$/package main/' internal/cmd/egctl/$file >cmd/translate/$file
    done
    # `egctl` has no cache of Wasm modules, and rejects all policies with one. This cache returns what the policy names.
    sed -i 's/ranslator := &gatewayapi.Translator{$/&\n\t\tWasmCache: uncached{},/' cmd/translate/translate.go
    cat >cmd/translate/main.go <<'GO'
package main

import (
	"context"
	"os"

	"github.com/envoyproxy/gateway/internal/wasm"
)

const (
	jsonOutput = "json"
	yamlOutput = "yaml"
)

type uncached struct{}

func (uncached) Start(context.Context) {}

func (uncached) Get(url string, options *wasm.GetOptions) (string, string, error) {
	return url, options.Checksum, nil
}

func main() {
	if err := newTranslateCommand().Execute(); err != nil {
		os.Exit(1)
	}
}
GO
    go build -p 1 -o ../translate ./cmd/translate
    cd ..
    rm -rf source
fi

# The translator checks each object against the schemas of its kind first, and fails if one is wrong.
for golden in "$root"/envoy-config/tests/golden/to-envoy-gateway*; do
    if test -f "$golden/stdout"; then
        joined "$golden/stdout" >"$folder/golden.yaml"
        "$tools/translate" --from gateway-api --to gateway-api -f "$folder/golden.yaml" >"$folder/golden.out" || {
            echo "Envoy Gateway $VERSION rejects the objects in $golden/stdout." >&2
            exit 1
        }
    fi
done

joined "$fixture/backends.yaml" "$fixture/rendered.yaml" >"$folder/input.yaml"
# The status of each object: all are accepted.
"$tools/translate" --from gateway-api --to gateway-api -f "$folder/input.yaml" >"$folder/status.yaml"
if grep -B 6 'status: "False"' "$folder/status.yaml" >&2; then
    echo "Envoy Gateway $VERSION does not accept these objects." >&2
    exit 1
fi
{
    echo "# What Envoy Gateway $VERSION (https://github.com/envoyproxy/gateway, Apache-2.0) makes of class.yaml, backends.yaml and"
    echo "# rendered.yaml, joined with lines of ---:"
    echo "# egctl x translate --from gateway-api --to xds -o yaml -f input.yaml"
    echo "# SHA-256 of input.yaml: $(sha256sum "$folder/input.yaml" | cut -d ' ' -f 1)"
    "$tools/translate" --from gateway-api --to xds -o yaml -f "$folder/input.yaml"
} >"$folder/xds.yaml"
compare "Envoy Gateway $VERSION"
