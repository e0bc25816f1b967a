#!/usr/bin/env bash
# Runs every fuzz target in turn.
#   hack/fuzz.sh [TIME]    for TIME each; default 30s
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
time=${1:-30s}

# One line per target: folder and name.
targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' "${workspace[@]}" |
  sed -E 's|^(.*)/[^/]*:func (Fuzz.*)$|\1 \2|' | sort -u)
while read -r folder name; do
  echo "== $folder $name"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./$folder"
done <<<"$targets"
