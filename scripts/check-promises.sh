#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: every promise of docs/threat-model.md names tests that exist.
# shellcheck disable=SC2016 # backquotes are the document's, not the shell's
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# promised FILE: the tests its tables name.
promised() {
  sed -n 's/^| .* | \(.*\) |$/\1/p' "$1" |
    grep -o '`[a-z][a-z0-9_]*`' | tr -d '`' | sort -u
}

# check FILE TESTS: prints every promised test that TESTS does not have.
check() {
  promised "$1" | while read -r name; do
    grep -rqw --include='*.py' --include='*.c' "$name" "$2" ||
      echo "$1: there is no test $name: write it, or take the promise back"
  done
}

# Self-test: a promise without a test must be found.
mkdir "$tmp/tests"
echo 'def test_kept(): pass' >"$tmp/tests/test_a.py"
printf '| one | `test_kept` |\n| two | `test_broken` |\n' >"$tmp/model.md"
found=$(check "$tmp/model.md" "$tmp/tests")
case $found in
*test_kept*) echo "the gate does not see a test" && exit 1 ;;
*test_broken*) ;;
*) echo "the gate does not see a missing test" && exit 1 ;;
esac

bad=$(check "$srcdir/docs/threat-model.md" "$srcdir/tests")
[ -z "$bad" ] && exit 0
echo "$bad"
exit 1
