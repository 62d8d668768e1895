#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version, which must be the one in Cargo.toml: `make release-notes VERSION=1.2.3`.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?the version is missing}
built=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
if [ "$version" != "$built" ]; then
    echo "the version is $built in Cargo.toml, not $version" >&2
    exit 1
fi
notes=$(awk -v heading="## $version" '
    /^## / { printing = $0 == heading || index($0, heading " ") == 1; next }
    printing' CHANGELOG.md)
if [ -z "$notes" ]; then
    echo "CHANGELOG.md has no section for $version" >&2
    exit 1
fi
printf '%s\n' "$notes" | sed '1{/^$/d}'
