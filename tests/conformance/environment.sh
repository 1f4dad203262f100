# Sourced by `run` and `aws`: makes the pinned Python environment once per requirements.txt and Python version, under the cache directory,
# and sets `python` (and PYTHONPATH) to it.
# shellcheck shell=bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then
  echo "conformance: Python 3.9 or newer is needed ($python is not)" >&2
  exit 2
fi

cache=${INCIDENT_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/incident-operator}
hash=$("$python" - "$here/requirements.txt" <<'PY'
import hashlib, sys
digest = hashlib.sha256(open(sys.argv[1], "rb").read())
digest.update(sys.version.encode())
print(digest.hexdigest()[:16])
PY
)
environment=$cache/conformance-$hash

install() {
  export PIP_ROOT_USER_ACTION=ignore
  rm -rf "$environment"
  echo "conformance: installing boto3, the AWS CLI and pytest (once) …" >&2
  local quiet=(--quiet --disable-pip-version-check --no-input --no-deps -r "$here/requirements.txt")
  # Debian's python3 comes without ensurepip, and so without a working venv, unless asked for.
  if "$python" -m venv "$environment" >/dev/null 2>&1; then
    "$environment/bin/python" -m pip install "${quiet[@]}" >&2
  else
    rm -rf "$environment"
    if ! "$python" -m pip --version >/dev/null 2>&1; then
      echo "conformance: $python has neither a working venv nor pip; install one (Debian: python3-venv)" >&2
      exit 2
    fi
    "$python" -m pip install "${quiet[@]}" --target "$environment/packages" >&2
  fi
  touch "$environment/complete"
}

mkdir -p "$cache"
(
  # Two runs at once must not install into each other's directory.
  if command -v flock >/dev/null; then flock 9; fi
  [[ -e $environment/complete ]] || install
) 9>"$environment.lock"

if [[ -x $environment/bin/python ]]; then
  python=$environment/bin/python
else
  export PYTHONPATH=$environment/packages
fi

