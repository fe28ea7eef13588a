#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: every option of src/platform/options.h stands with its default in
# postern.conf(5) and in the sample file, and these name no other.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "name = default" a line, from each of the three.
of_table() {
  sed -n 's/^X([A-Z]*, \([a-z_]*\), \([^,]*\),.*/\1 = \2/p' "$1" |
    sed -e 's/"//g' -e 's/ *$//' \
      -e 's|POSTERN_TEMPLATE_DIR|/usr/local/share/postern/templates|' \
      -e 's|POSTERN_STATIC_DIR|/usr/local/share/postern/public|' | sort
}
of_manual() {
  sed -n -e 's/^\.It Cm \([a-z_]* =\) Ar /\1 /p' \
    -e 's/^\.It Cm \([a-z_]* =\)$/\1/p' "$1" | sort
}
# The one option without which nothing starts is set there.
of_sample() {
  sed -n -e 's/^public_url = .*/public_url =/p' \
    -e 's/^#\([a-z_]* =.*\)$/\1/p' "$1" | sort
}

# compare TABLE MANUAL SAMPLE: says what differs.
compare() {
  of_table "$1" >"$tmp/table"
  of_manual "$2" >"$tmp/manual"
  of_sample "$3" >"$tmp/sample"
  [ -s "$tmp/table" ] || { echo "$1: no options found"; return 1; }
  bad=0
  for other in manual sample; do
    diff -U 0 "$tmp/table" "$tmp/$other" >"$tmp/diff" && continue
    echo "options.h (-) and the $other (+) differ:"
    grep '^[-+][a-z]' "$tmp/diff"
    bad=1
  done
  return $bad
}

# What one forgotten option, and one wrong default, must lead to.
self_test() {
  manual=$srcdir/man/postern.conf.5 sample=$srcdir/postern.conf.sample
  { cat "$srcdir/src/platform/options.h"
    echo 'X(TEXT, forgotten, "", "", "", "an option nobody describes")'
  } >"$tmp/options.h"
  if compare "$tmp/options.h" "$manual" "$sample" >/dev/null; then
    echo "the gate misses a forgotten option"
    return 1
  fi
  sed 's/^#web_workers = 4/#web_workers = 5/' "$sample" >"$tmp/bad.sample"
  if compare "$srcdir/src/platform/options.h" "$manual" "$tmp/bad.sample" \
    >/dev/null; then
    echo "the gate misses a wrong default"
    return 1
  fi
}

compare "$srcdir/src/platform/options.h" "$srcdir/man/postern.conf.5" \
  "$srcdir/postern.conf.sample"
self_test
