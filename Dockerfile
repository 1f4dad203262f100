# The operator's image: one static binary, the certificate authorities, nothing else.
#
#   docker build --tag incident-operator .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example.com/incident-operator:0.1.0 --push .
#
# It compiles for the platform of the image on the platform of the machine, so that nothing is emulated. tests/image.rs assembles and runs
# the last stage.

ARG RUST_VERSION=1.95.0

FROM --platform=$BUILDPLATFORM docker.io/library/rust:${RUST_VERSION}-slim-bookworm AS toolchain
ARG TARGETARCH
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# A release of Debian has one version of each, with security fixes only.
# hadolint ignore=DL3008
RUN packages=(ca-certificates gcc libc6-dev make) \
    && if [ "${TARGETARCH:-}" != "$(dpkg --print-architecture)" ]; then \
         case "${TARGETARCH:-}" in \
           amd64) packages+=(gcc-x86-64-linux-gnu libc6-dev-amd64-cross) ;; \
           arm64) packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross) ;; \
         esac; \
       fi \
    && apt-get update \
    && apt-get install --yes --no-install-recommends "${packages[@]}" \
    && rm -rf /var/lib/apt/lists/*
# How to compile for the image's platform. Static: the last stage has no C library. Machines with arm64 have pages of 4, 16 or 64 KiB, and
# jemalloc has to be built for the largest.
RUN case "${TARGETARCH:-}" in \
      amd64) target=x86_64-unknown-linux-gnu gcc=x86_64-linux-gnu-gcc ;; \
      arm64) target=aarch64-unknown-linux-gnu gcc=aarch64-linux-gnu-gcc ;; \
      *) echo "TARGETARCH is '${TARGETARCH:-}', and has to be amd64 or arm64; BuildKit sets it" >&2; exit 1 ;; \
    esac \
    && rustup target add "$target" \
    && variable=${target//-/_} \
    && { \
         echo "export CARGO_BUILD_TARGET=$target"; \
         echo "export CARGO_TARGET_${variable^^}_LINKER=$gcc CC_$variable=$gcc"; \
         echo "export CARGO_TARGET_${variable^^}_RUSTFLAGS='-C target-feature=+crt-static'"; \
         if [ "$TARGETARCH" = arm64 ]; then echo "export JEMALLOC_SYS_WITH_LG_PAGE=16"; fi; \
       } >/etc/target

# Dependencies: a layer that stays as long as the manifests do.
FROM toolchain AS dependencies
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY simulator/Cargo.toml simulator/
COPY tests/harness/Cargo.toml tests/harness/
# The toolchain is that of the image: rust-toolchain.toml is not here.
RUN mkdir -p src simulator/src tests/harness/src/bin/local \
    && touch src/lib.rs simulator/src/lib.rs tests/harness/src/lib.rs \
    && for main in src/main.rs simulator/src/main.rs tests/harness/src/bin/local/main.rs; do echo 'fn main() {}' >"$main"; done \
    && . /etc/target \
    && cargo build --release --locked --bin incident-operator

FROM dependencies AS build
COPY src src
# Newer than what stood in for it.
RUN find src -name '*.rs' -exec touch {} + \
    && . /etc/target \
    && cargo build --release --locked --bin incident-operator \
    && install -D "target/$CARGO_BUILD_TARGET/release/incident-operator" /image/incident-operator

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="incident-operator" \
      org.opencontainers.image.description="Kubernetes operator for AWS Systems Manager Incident Manager" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /image/incident-operator /usr/local/bin/
# Nobody in particular. A number, so that the kubelet sees that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/incident-operator"]
CMD ["run"]
