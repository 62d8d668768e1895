# What the tests of both gateways share. They set `root`, `tools` and `fixture`, and read this file.

command -v go >/dev/null || {
    echo 'Go is missing: install it (https://go.dev/dl) and try again.' >&2
    exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# copy_source MODULE VERSION: the module's source as the folder `source`, which can be changed.
copy_source() {
    # The directory of the module in Go's cache, which is read-only.
    source=$(go mod download -json "$1@$2" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    rm -rf source
    cp -r "$source" source
    chmod -R u+w source
}

# joined FILE...: one stream of documents, whose first one is the class of the Gateway.
joined() {
    cat "$fixture/class.yaml"
    for file in "$@"; do
        echo ---
        cat "$file"
    done
}

# compare GATEWAY: fails if the fixture is not what the gateway makes of the objects now. UPDATE=1 replaces it.
compare() {
    if test -n "${UPDATE:-}"; then
        cp "$folder/xds.yaml" "$fixture/xds.yaml"
    fi
    diff -u "$fixture/xds.yaml" "$folder/xds.yaml"
    echo "$1 makes of the rendered objects what the tests run."
}
