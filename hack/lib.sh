# Shared by the scripts beside it; source it.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$root/bin/tools:$PATH"

# Every Go module of the repository; the first three are the workspace.
workspace=(api proto services)
# shellcheck disable=SC2034 # the scripts use it
modules=("${workspace[@]}" hack/tools hack/tools/golangci)

# need COMMAND DEBIAN-PACKAGE BREW-FORMULA: notes what is missing; needed ends the
# script when anything is.
missing=()
need() {
  command -v "$1" >/dev/null || missing+=("$1 (Debian and Ubuntu: apt-get install $2; macOS: brew install $3)")
}

# need_go: any Go from 1.21 on fetches the version that go.mod asks for by itself.
need_go() {
  local version
  version=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
  if [ "${version:-0}" -lt 21 ]; then
    missing+=("go, 1.26 or any from 1.21 on (https://go.dev/dl/)")
  fi
}

needed() {
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "$1 needs what is not installed:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
  fi
}
