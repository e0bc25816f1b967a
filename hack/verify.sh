#!/usr/bin/env bash
# Checks that what is committed is what the tools would write; changes nothing and
# names every fault, not only the first.
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

faults=0
fault() {
  echo "verify: $1" >&2
  faults=$((faults + 1))
}

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

hack/generate.sh "$new"
# Both ways: what would be written differs or is absent, and what nobody writes any more.
while IFS= read -r file; do
  cmp -s "$new/$file" "$file" || fault "$file is not what is generated: run make generate"
done < <({ (cd "$new" && find . -type f) && find ./proto -name '*.pb.go'; } | sort -u)

buf lint || fault "buf lint found faults"
buf format --diff --exit-code || fault ".proto files are not formatted: run make fmt"

unformatted=$(gofmt -l "${workspace[@]}" hack/tools 2>&1 || true)
[ -z "$unformatted" ] || fault "not formatted, run make fmt: $unformatted"

for module in "${modules[@]}"; do
  (cd "$module" && GOWORK=off go mod tidy -diff) || fault "$module/go.mod is not tidy: run go mod tidy there"
done

for script in hack/*.sh hack/*/*.sh .ci/run; do
  bash -n "$script" || fault "$script does not parse"
  [ -x "$script" ] || [ "$script" = hack/lib.sh ] || fault "$script is not executable"
done

[ "$faults" -eq 0 ] || exit 1
echo "verify: all is as generated, formatted and tidy"
