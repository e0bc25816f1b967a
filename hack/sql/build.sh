#!/usr/bin/env bash
# Gets the binaries of PostgreSQL and MariaDB for tests into hack/sql/target/lib, as jars. Does nothing when
# they are there. Any number of builds may run at once: the first does the work, the others wait for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v mvn >/dev/null || {
  echo "hack/sql: mvn is missing. Debian and Ubuntu: apt-get install maven" >&2
  exit 1
}
if command -v flock >/dev/null; then
  exec 9<pom.xml
  flock 9
fi
if [ -e target/built ] && [ target/built -nt pom.xml ]; then
  exit 0
fi
case "$(uname -m)" in
  aarch64 | arm64) platform=linux-arm64v8 ;;
  *) platform=linux-amd64 ;;
esac
# Built aside and moved into place whole, so that a build that is stopped halfway leaves nothing in use.
new=target.$$
trap 'rm -rf "$new"' EXIT
mvn -q -B dependency:copy-dependencies -Dpostgres="$platform" -DoutputDirectory="$new/lib" -DincludeScope=runtime >&2
touch "$new/built"
rm -rf target
mv "$new" target
