#!/usr/bin/env bash
# Checks the control plane itself: format, and a run of the built binary. Further arguments go to `go test`.
# With --vet first, also vets the program. That reads all of Kubernetes: some minutes once, so it is not for every machine.
set -euo pipefail
# shellcheck source=toolchain.sh
source "$(dirname "${BASH_SOURCE[0]}")/toolchain.sh"

cd "$here"
need_go
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
    say "not formatted: $unformatted"
    exit 1
fi
CONTROL_PLANE_BINARY=$(./build.sh | tail -n 1)
export CONTROL_PLANE_BINARY
if [ "${1:-}" = --vet ]; then
    shift
    nice -n 10 go vet ./...
else
    go vet ./e2e
fi
# Only this package: `go test` vets what it lists.
go test -count=1 -timeout 5m "$@" ./e2e
