#!/usr/bin/env bash
# Records the reference server's answers into api/http/golden: starts npm fh-sync over a MongoDB wire server
# and Redis, plays every scenario there, writes its `response` fields and stops what it started.
#   hack/record/record.sh                     all scenarios
#   hack/record/record.sh traps guard/pre     those whose path contains one of the words
#   hack/record/record.sh --check             writes nothing, fails where a recording differs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

need() {
  command -v "$1" >/dev/null || {
    echo "record: $1 is missing. Debian and Ubuntu: apt-get install $2; macOS: brew install $3" >&2
    exit 1
  }
}
need node nodejs node
need npm npm node
need redis-server redis-server redis

npm ci --no-audit --no-fund --loglevel=error >&2
../mongo/build.sh
exec node main.js "$@"
