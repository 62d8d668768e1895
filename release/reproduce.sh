#!/usr/bin/env bash
# Builds the files of a release in this checkout and in a copy of it, in a folder with another name, and compares the bytes.
# `make test-dist` calls it. Environment: as dist.sh; and QUICK, if set, leaves the optimisations out, which takes a fraction of
# the time. Paths and times would get into such files, too; only an optimisation that depends on chance goes unseen.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
if [ -n "${QUICK:-}" ]; then
    export PROFILE=dev CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_INCREMENTAL=false
fi
copy=$(mktemp -d "${TMPDIR:-/tmp}/another-folder-for-session-persistence.XXXXXX")
trap 'rm -rf "$copy"' EXIT

release/dist.sh

git ls-files --cached --others --exclude-standard -z | tar --null --files-from=- --create | tar -C "$copy" -x
(unset CARGO_TARGET_DIR && "$copy/release/dist.sh" >/dev/null)

if ! (cd "$copy/dist" && sha256sum --check --quiet --strict) <dist/SHA256SUMS; then
    echo 'dist: 0 passed, 1 failed: two builds in two folders differ' >&2
    exit 1
fi
for file in dist/*; do
    if grep -qaF -e "$PWD" -e "${CARGO_HOME:-$HOME/.cargo}" "$file"; then
        echo "dist: 0 passed, 1 failed: $file has a path of this machine in it" >&2
        exit 1
    fi
done
left=$(git ls-files --others --exclude-standard -- '*.sbom.json')
if [ -n "$left" ]; then
    echo "dist: 0 passed, 1 failed: the build left files among the sources: $left" >&2
    exit 1
fi
release/try.sh
release/images.sh
echo 'dist: 1 passed, 0 failed'
