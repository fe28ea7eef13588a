#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: every promise of docs/threat-model.md names tests, and these exist.
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

# check FILE TESTS: prints every promise that names no test, and every
# promised test that TESTS does not have.
check() {
  awk -F '|' '
    !/^\|/ || /^\| promise \| test \|$/ || /^\|[-|]*$/ { next }
    $NF != "" || $(NF - 1) !~ /^ (.*[ ,])?`[a-z][a-z0-9_]*`/ {
      print FILENAME ":" FNR ": this names no test: " $0
    }' "$1"
  promised "$1" | while read -r name; do
    grep -rqE --include='*.py' --include='*.c' \
      "^ *(async )?def $name\\(|^START_TEST\\($name\\)" "$2" ||
      echo "$1: there is no test $name: write it, or take the promise back"
  done
}

# Self-test: a promise without a test must be found, also where a comment, or
# another test's name, has its name; and a row that names none at all.
mkdir "$tmp/tests"
printf '%s\n' 'def test_kept(): pass' '# see test_broken()' \
  'def test_longer_name(): pass' >"$tmp/tests/test_a.py"
printf '%s\n' 'START_TEST(kept_too)' '/* told_only */' \
  'tcase_add_test(t, told_only);' >"$tmp/tests/test_b.c"
printf '| one | `%s` |\n' test_kept kept_too test_broken longer_name told_only \
  >"$tmp/model.md"
printf '%s\n' '| promise | test |' '|---|---|' '| `test_kept` holds | |' \
  '| two | see above |' '| three | `test_kept`' '| four |' >"$tmp/empty.md"
if [ "$(check "$tmp/empty.md" "$tmp/tests" | wc -l)" -ne 4 ]; then
  echo "the gate misses a promise that names no test, or a heading is one"
  exit 1
fi
found=$(check "$tmp/model.md" "$tmp/tests" |
  sed 's/.*no test \([a-z_]*\):.*/\1/' | tr '\n' ' ')
if [ "$found" != "longer_name test_broken told_only " ]; then
  echo "the gate misses a broken promise, or a kept one: $found"
  exit 1
fi

bad=$(check "$srcdir/docs/threat-model.md" "$srcdir/tests")
[ -z "$bad" ] && exit 0
echo "$bad"
exit 1
