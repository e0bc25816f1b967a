#!/usr/bin/env bash
# Gets and compiles the MongoDB wire server for tests into hack/mongo/target. Does nothing when that is
# up to date. Afterwards it starts with:
#   java -Xmx256m -cp 'hack/mongo/target/classes:hack/mongo/target/lib/*' TestMongo PORT
# Any number of builds may run at once: the first does the work, the others wait for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in java javac mvn; do
  command -v "$tool" >/dev/null || {
    echo "hack/mongo: $tool is missing. Debian and Ubuntu: apt-get install default-jdk-headless maven" >&2
    exit 1
  }
done

# The lock is on a file that is there anyway, and goes with this process. Where flock is missing, moving
# the build into place whole still keeps two builds from mixing.
if command -v flock >/dev/null; then
  exec 9<pom.xml
  flock 9
fi

stamp=target/built
if [ -e "$stamp" ] && [ "$stamp" -nt pom.xml ] && [ "$stamp" -nt TestMongo.java ]; then
  exit 0
fi
# Built aside and moved into place whole, so that a build that is stopped halfway leaves nothing in use.
new=target.$$
trap 'rm -rf "$new"' EXIT
mvn -q -B dependency:copy-dependencies -DoutputDirectory="$new/lib" -DincludeScope=runtime >&2
javac -cp "$new/lib/*" -d "$new/classes" TestMongo.java
touch "$new/built"
rm -rf target
mv "$new" target
