#!/usr/bin/env bash
# Checks the control plane itself: format, vet, and a run of the built binary.
set -euo pipefail
# shellcheck source=toolchain.sh
source "$(dirname "${BASH_SOURCE[0]}")/toolchain.sh"

cd "$here"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || {
    say "not formatted: $unformatted"
    exit 1
}
CONTROL_PLANE_BINARY=$(./build.sh | tail -n 1)
export CONTROL_PLANE_BINARY
go vet ./...
go test -count=1 -timeout 5m "$@" ./...
