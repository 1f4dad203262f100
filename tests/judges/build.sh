#!/usr/bin/env bash
# Builds those who judge what we ship, unless this very source has been built before: `judges` (helm, Argo CD's Lua, kstatus) and
# `promtool`. The last line of standard output is the directory that holds both; everything else goes to standard error.
set -euo pipefail
# shellcheck source=../control-plane/toolchain.sh
source "$(dirname "${BASH_SOURCE[0]}")/../control-plane/toolchain.sh"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

cd "$here"
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
key=$({
    uname -sm
    for file in go.mod go.sum ./*.go build.sh; do
        echo "$file"
        cat "$file"
    done
} | checksum | cut -c 1-16)
directory=$cache/judges-$key

# compile NAME PACKAGE
compile() {
    local new
    new=$(mktemp "$directory/building.XXXXXX")
    # Of Prometheus's service discovery, nothing: it would bring the SDKs of all clouds.
    nice -n 10 go build -tags remove_all_sd -ldflags "-s -w" -o "$new" "$2" >&2 || {
        rm -f "$new"
        return 1
    }
    chmod 755 "$new"
    mv -f "$new" "$directory/$1"
}

build() {
    [ ! -x "$directory/promtool" ] || return 0
    local began=$SECONDS
    need_go
    echo "judges: building helm and promtool with $(go version); the first time this takes some minutes" >&2
    compile judges . && compile promtool github.com/prometheus/prometheus/cmd/promtool || return 1
    echo "judges: built in $((SECONDS - began)) s" >&2
}

# A function, so that bash has read this file to its end before it starts: an edit during a build of minutes does no harm.
main() {
    if [ ! -x "$directory/promtool" ]; then
        mkdir -p "$directory"
        with_lock "$directory/lock" build
    fi
    echo "$directory"
    exit
}
main
