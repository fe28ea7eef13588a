#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: mandoc has nothing to say about the manual pages; every route of
# src/routes.c stands in posternd(8) and every subcommand in posternctl(8);
# the newest entry of CHANGELOG.md is this version.  Skipped (77) where
# mandoc is missing.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

command -v mandoc >/dev/null || { echo "mandoc is missing"; exit 77; }

lint() {
  mandoc -T lint -W warning "$@"
}

# "METHOD path" of every row of the table.
routes() {
  sed -n 's/.*{ METHOD_\([A-Z]*\), "\([^"]*\)",.*/\1 \2/p' "$1"
}

# The subcommands of posternctl.
commands() {
  sed -n 's/^\t{ "\([a-z-]*\)", ".*", ctl_.*/\1/p' "$1"
}

# missing PAGE MACRO: of the lines of standard input, those without an item.
missing() {
  found=1
  while read -r item; do
    grep -qxF ".It $2 $item" "$1" || { echo "${1##*/} lacks: $item"; found=0; }
  done
  return $found
}

self_test() {
  printf '.Dd today\n.Sh NAME\n' >"$tmp/bad.8"
  if lint "$tmp/bad.8" >/dev/null; then
    echo "the gate misses a bad page"
    return 1
  fi
  if ! echo 'GET /nowhere' | missing "$srcdir/man/posternd.8" Li >/dev/null
  then
    echo "the gate misses a route without a word"
    return 1
  fi
}

bad=0
lint "$srcdir"/man/*.[1-9] || bad=1
routes "$srcdir/src/routes.c" >"$tmp/routes"
commands "$srcdir/src/posternctl.c" >"$tmp/commands"
if [ ! -s "$tmp/routes" ] || [ ! -s "$tmp/commands" ]; then
  echo "routes or subcommands not found"
  bad=1
fi
! missing "$srcdir/man/posternd.8" Li <"$tmp/routes" || bad=1
! missing "$srcdir/man/posternctl.8" Cm <"$tmp/commands" || bad=1
version=$(sed -n 's/^AC_INIT(\[postern\], \[\(.*\)\])$/\1/p' \
  "$srcdir/configure.ac")
newest=$(sed -n 's/^## \([0-9][^ ]*\).*/\1/p' "$srcdir/CHANGELOG.md" | head -n 1)
[ "$version" = "$newest" ] || {
  echo "configure.ac says $version, CHANGELOG.md $newest"
  bad=1
}
self_test || bad=1
exit $bad
