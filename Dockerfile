# The images of docker-compose.yaml, made from this checkout: `envoy`, which has the filter, `envoy-config`, which renders the
# manifests, and `backend`. Needs BuildKit, the builder of every Docker since release 23: Cargo's downloads and build output stay in its
# cache mounts, so that after a change only the packages of this workspace are compiled.

FROM rust:1.95-bookworm AS build
RUN rustup target add wasm32-wasip1
ENV CARGO_TARGET_DIR=/target CARGO_TERM_COLOR=never
WORKDIR /src
# All checkouts share the mounts. Cargo would take a source for unchanged that is older than what another checkout compiled,
# so each of them becomes new first. The filter is built as it is released; the programs have to be compiled fast, not to run fast.
RUN --mount=type=bind,target=/src,readwrite \
    --mount=type=cache,id=session-persistence-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=session-persistence-target,target=/target,sharing=locked \
    find . -name '*.rs' -exec touch {} + \
    && cargo build --locked --release -p session-persistence --target wasm32-wasip1 \
    && CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=true \
       cargo build --locked -p envoy-config -p integration -p strip-exports --bin envoy-config --bin backend --bin strip-exports \
    && /target/debug/strip-exports /target/wasm32-wasip1/release/session_persistence.wasm \
    && install -D --mode=0444 --target-directory=/out /target/wasm32-wasip1/release/session_persistence.wasm \
    && install --mode=0555 --target-directory=/out /target/debug/envoy-config /target/debug/backend
# All of the quickstart but its EndpointSlice, for the page.
RUN --mount=type=bind,source=envoy-config/examples/quickstart,target=/quickstart \
    cd /quickstart \
    && install -D --mode=0444 --target-directory=/out/manifests base.yaml cookie.yaml header.yaml page.yaml policy.yaml

FROM envoyproxy/envoy:v1.40.0 AS envoy
COPY --from=build /out/session_persistence.wasm /etc/envoy/
# A new volume gets the owner of the folder that it is mounted over.
USER 0:0
RUN install --directory --owner=101 --group=101 --mode=0700 /var/lib/session-keys /var/lib/envoy-config
USER 101:101

# Runs as the user that Envoy runs as, which alone can read the private keys of certificates.
FROM debian:bookworm-slim AS envoy-config
COPY --from=build /out/envoy-config /usr/local/bin/
RUN install --directory --owner=101 --group=101 --mode=0700 /var/lib/envoy-config
USER 101:101
ENTRYPOINT ["envoy-config"]

FROM debian:bookworm-slim AS backend
COPY --from=build /out/backend /usr/local/bin/
# The page tells what sessions there are.
COPY --from=build /out/manifests /etc/backend/manifests
USER 65534:65534
ENTRYPOINT ["backend"]
