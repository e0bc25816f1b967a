#!/usr/bin/env bash
# Runs the unit tests of concurrent packages under the race detector.
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need cc build-essential gcc
needed "make race"

# Whatever starts a goroutine or holds a lock; the store engines have their suite.
packages=$(go list ./api/... ./services/... |
  grep -Ev '/services/(test|cmd)/|/store/(sqlite|storetest)|/internal/(record|wire|delta|apply|config)(/|$)')
go build -o bin/tools/testreport hack/tools/testreport/main.go
# shellcheck disable=SC2086 # one word per package
{ go test -json -race -short -timeout 15m $packages || echo '{"Action":"fail","Package":"(race)"}'; } | bin/tools/testreport
