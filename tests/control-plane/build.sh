#!/usr/bin/env bash
# Builds the control plane unless this very source has been built before. The last line of standard output is the path of the
# binary; everything else goes to standard error.
set -euo pipefail
# shellcheck source=toolchain.sh
source "$(dirname "${BASH_SOURCE[0]}")/toolchain.sh"

cd "$here"
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
key=$({
    uname -sm
    for file in go.mod go.sum ./*.go build.sh; do
        echo "$file"
        cat "$file"
    done
} | checksum | cut -c 1-16)
directory=$cache/control-plane-$key
binary=$directory/control-plane

build() {
    [ ! -x "$binary" ] || return 0
    local kubernetes version minor new began=$SECONDS
    need_go
    kubernetes=$(sed -n 's/^[[:space:]]k8s\.io\/kubernetes \(v[0-9.]*\)$/\1/p' go.mod)
    minor=${kubernetes#v1.}
    minor=${minor%%.*}
    # Without these the server calls itself v0.0.0, and whoever checks the version of the cluster refuses it.
    version="-X k8s.io/component-base/version.gitVersion=$kubernetes -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes"
    version+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
    version+=" -X k8s.io/component-base/version.gitTreeState=clean"

    say "building kube-apiserver $kubernetes with $(go version); the first time this takes some minutes"
    new=$(mktemp "$directory/building.XXXXXX")
    nice -n 10 go build -ldflags "-s -w $version" -o "$new" . >&2 || {
        rm -f "$new"
        return 1
    }
    chmod 755 "$new"
    mv -f "$new" "$binary"
    say "built in $((SECONDS - began)) s"
}

# A function, so that bash has read this file to its end before it starts: an edit during a build of minutes does no harm.
main() {
    if [ ! -x "$binary" ]; then
        mkdir -p "$directory"
        with_lock "$directory/lock" build
    fi
    echo "$binary"
    exit
}
main
