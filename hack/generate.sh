#!/usr/bin/env bash
# Writes what is generated: the Go stubs of proto/ and docs/configuration.md.
#   hack/generate.sh           in its place
#   hack/generate.sh FOLDER    below FOLDER, as hack/verify.sh wants it
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
out=${1:-$root}
cd "$root"

mkdir -p "$out/docs"
buf generate --output "$out"
# By way of a second file, so that a failure leaves the old page.
go run ./services/internal/config/docgen >"$out/docs/configuration.md.new"
mv "$out/docs/configuration.md.new" "$out/docs/configuration.md"
