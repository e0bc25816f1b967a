#!/usr/bin/env bash
# Runs all tests; `make test` calls it. What tests need from package registries
# they get themselves.
#   hack/test.sh             unit tests, then those that run whole processes
#   hack/test.sh --noskip    fails also when a test was skipped
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need_go
need node nodejs node
need npm npm node
need javac default-jdk-headless openjdk
need mvn maven maven
needed "make test"
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
  echo "make test needs Node.js 20 or later; found $(node --version)" >&2
  exit 1
fi

# Go's test cache does not see what system tests read from outside of their
# module, or run: binaries, scripts, golden files. So they run afresh whenever a
# file has changed since they last passed.
system=./services/test/...
sources() {
  find api proto services hack buf.yaml buf.gen.yaml go.work docs/configuration.md \
    \( -name node_modules -o -name target -o -name '.*' \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 cat | cksum
}
stamp=bin/.tested
state=$(sources)
fresh=
if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$state" ]; then
  fresh=-count=1
fi

mkdir -p bin
go build -o bin/tools/testreport hack/tools/testreport/main.go
unit=$(go list ./api/... ./proto/... ./services/... | grep -v '/services/test/')
# failed also reports a run that ended before it could report itself.
failed() { echo '{"Action":"fail","Package":"('"$1"' tests)"}'; }
{
  # shellcheck disable=SC2086 # one word per package
  go test -json -timeout 15m $unit || failed unit
  go test -json -timeout 15m ${fresh:+"$fresh"} "$system" || failed system
} | bin/tools/testreport "$@"
printf '%s\n' "$state" >"$stamp"
