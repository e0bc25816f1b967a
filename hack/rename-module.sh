#!/usr/bin/env bash
# Moves the modules to another path, such as where the repository has its home:
#   hack/rename-module.sh github.com/example/tandem
# It changes every file that names the old path and generates the stubs anew,
# whose descriptors hold the path with its length.
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

new=${1:-}
if ! [[ $new =~ ^[a-z0-9.-]+(/[A-Za-z0-9._-]+)+$ ]]; then
  echo "usage: hack/rename-module.sh MODULE-PATH, such as github.com/example/tandem" >&2
  exit 2
fi
# The proto module is named after the path and nothing else.
old=$(sed -n 's|^module \(.*\)/proto$|\1|p' proto/go.mod)
if [ "$old" = "$new" ]; then
  echo "the modules are at $new already"
  exit 0
fi

# shellcheck disable=SC2016 # Perl's $, not the shell's
git ls-files -z --cached --others --exclude-standard -- . ':!:*.pb.go' |
  OLD=$old xargs -0 perl -e '
    for my $file (@ARGV) {
      next unless -f $file && open(my $in, "<", $file);
      local $/; my $text = <$in>; close $in;
      print "$file\0" if index($text, $ENV{OLD}) >= 0;
    }' |
  OLD=$old NEW=$new xargs -0 perl -pi -e 's/\Q$ENV{OLD}\E(?![A-Za-z0-9_-])/$ENV{NEW}/g'

# Imports sort differently under another path.
gofmt -w "${workspace[@]}" hack/tools
hack/generate.sh
echo "moved from $old to $new; now run: make verify test"
