#!/bin/sh
# Builds istiod's own code as a translator, gives it the objects that `envoy-config` writes, and compares what it writes with the fixture
# that the tests run on a real Envoy. UPDATE=1 replaces the fixture.
set -eu

# A commit of release 1.31: Istio's releases are no versions of its Go module.
VERSION=v0.0.0-20260827124520-eed52ebb66ad
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
tools=${TOOLS:-$root/target/tools}/istio-$VERSION
fixture=$root/integration/tests/envoy/gateways/istio

. "$root/integration/gateways/common.sh"

# Built anew when this script or the program changes.
made_of=$(cat "$here/main.go" "$here/test.sh" | sha256sum)
if test "$(cat "$tools/made-of" 2>/dev/null)" != "$made_of"; then
    echo "==> Building istiod's translator $VERSION into $tools (about 5 minutes on two cores; once)"
    mkdir -p "$tools"
    cd "$tools"
    copy_source istio.io/istio "$VERSION"
    cp source/manifests/charts/base/files/crd-all.gen.yaml istio-crds.yaml
    cp source/tests/integration/pilot/testdata/gateway-api-crd.yaml gateway-api-crds.yaml
    cd source
    mkdir pilot/cmd/translate
    cp "$here/main.go" pilot/cmd/translate
    # What istiod does with the parameters of a Gateway.
    cat >pilot/pkg/config/kube/gatewaycommon/translate.go <<'GO'
package gatewaycommon

var ApplyOverlay = applyOverlay
GO
    # Without a version, istiod takes the CRDs of Istio's own test server for too old ones, and ignores GRPCRoutes.
    sed -i 's|(t, c, g, nil)|(t, c, g, map[string]string{"gateway.networking.k8s.io/bundle-version": "v1.6.0"})|' \
        pkg/kube/kclient/clienttest/crd.go
    # That server has no ListenerSets.
    sed -i 's|\t*gvr.ReferenceGrant,|&\n\t\t\t\tgvr.ListenerSet,|' pilot/test/xds/fake.go
    go build -o ../translate ./pilot/cmd/translate
    cd ..
    rm -rf source
    echo "$made_of" >made-of
fi

# translate GATEWAY INPUT OUTPUT
translate() {
    "$tools/translate" "$1" "$2" "$3" "$tools/istio-crds.yaml" "$tools/gateway-api-crds.yaml" >"$folder/log" 2>&1 || {
        tail -n 1 "$folder/log" >&2
        echo "Istio does not accept the objects for the Gateway $1." >&2
        exit 1
    }
}

for golden in to-istio=infra/eg to-istio=infra/second to-istio-limits=default/eg; do
    joined "$root/envoy-config/tests/golden/${golden%%=*}/stdout" >"$folder/golden.yaml"
    translate "${golden#*=}" "$folder/golden.yaml" "$folder/golden.out"
done

joined "$fixture/backends.yaml" "$fixture/rendered.yaml" >"$folder/input.yaml"
translate default/eg "$folder/input.yaml" "$folder/sent.yaml"
# A listener that was added since has no sessions, and no private header.
sed 's/^  listeners:$/&\n  - {name: later, protocol: HTTP, port: 8090}/' "$folder/input.yaml" >"$folder/later.yaml"
translate default/eg "$folder/later.yaml" "$folder/later.out"
grep -q 'portValue: 8090' "$folder/later.out"
{
    echo "# What istiod (https://github.com/istio/istio, Apache-2.0, $VERSION) makes of class.yaml, backends.yaml"
    echo "# and rendered.yaml, joined with lines of ---: the resources for the Envoys of the Gateway, and its parameters in a Deployment."
    echo "# SHA-256 of input.yaml: $(sha256sum "$folder/input.yaml" | cut -d ' ' -f 1)"
    cat "$folder/sent.yaml"
} >"$folder/xds.yaml"
compare Istio
