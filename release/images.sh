#!/usr/bin/env bash
# Writes the images of a release as OCI archives, without a container engine or registry, and prints their
# digests. `make images` calls it.
#
#   target/images/filter.tar        the module as `plugin.wasm`, as Envoy Gateway and Istio pull it
#   target/images/envoy-config.tar  the compiler of manifests, alone
#
# With PUSH=1, it pushes them, too (with skopeo), and the image `envoy`, whose base is in a registry (with docker buildx).
#
# Environment: VERSION, the tag; IMAGES, a registry and a name in it, for pushing; SOURCE_DATE_EPOCH, the time of the files (that of
# the last commit).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

CARGO=${CARGO:-cargo}
VERSION=${VERSION:-0.0.0}
PUSH=${PUSH:-}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

folder=${CARGO_TARGET_DIR:-target}/images

fail() {
    echo "$*" >&2
    exit 1
}

# write IMAGE [OPTION…] FILE…: writes an archive, and prints its digest.
write() {
    local image=$1
    shift
    digest=$("$CARGO" run --quiet --locked -p oci-image -- --output "$folder/$image.tar" --reference "$image:$VERSION" \
        --epoch "$SOURCE_DATE_EPOCH" "$@")
    echo "$folder/$image.tar: $image@$digest"
}

[ -e dist/session_persistence.wasm ] || fail 'dist/ has no files of a release: run `make dist` first'
programs=()
for program in dist/envoy-config-linux-*; do
    [ -e "$program" ] || fail 'dist/ has no program envoy-config: run `make dist` first'
    programs+=("${program##*-}:/envoy-config=$program")
done
mkdir -p "$folder"
module=/plugin.wasm=dist/session_persistence.wasm
# A module has no platform. With an index of several, its digest would not be that of the image, which is what gateways compare.
write filter "amd64:$module"
write envoy-config --entrypoint /envoy-config --user 65534:65534 "${programs[@]}"

[ -n "$PUSH" ] || exit 0
[ -n "${IMAGES:-}" ] || fail 'IMAGES is missing: a registry and a name in it, such as ghcr.io/you/session-persistence'
command -v skopeo >/dev/null || fail 'skopeo is missing: install it (Debian: apt-get install skopeo) and try again'
for image in filter envoy-config; do
    skopeo copy --all "oci-archive:$folder/$image.tar:$image:$VERSION" "docker://$IMAGES/$image:$VERSION"
done
docker buildx build --platform linux/amd64,linux/arm64 --file release/Dockerfile --tag "$IMAGES/envoy:$VERSION" \
    --output type=image,push=true dist
