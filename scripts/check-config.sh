#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: every option of src/platform/options.h stands with its default in
# postern.conf(5) and in the sample file, and these name no other; and the
# manual has the bounds of each, as the table writes them.
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

# "name<tab>bounds" a line, from the table: "1s to 5m", "1 or more", "at most
# 90 bytes".  Limits have theirs in common, and a least of 1 for a text is
# that it is not empty.
bounds_of_table() {
  sed -n \
    -e 's/^X(RATE,.*//' \
    -e 's/^X([A-Z]*, \([a-z_]*\), [^,]*, "[^"]*", "", .*/\1 &/' \
    -e 's/^\([a-z_]*\) X([TP][A-Z]*,.*//' \
    -e 's/^\([a-z_]*\) X(.*, "\([0-9][a-z0-9]*\)", "", .*/\1\t\2 or more/p' \
    -e 's/^X([TP][A-Z]*, \([a-z_]*\), .*, "[0-9]*", "\([0-9]*\)", ".*/\1\tat most \2 bytes/p' \
    -e 's/^X([A-Z]*, \([a-z_]*\), .*, "\([0-9][a-z0-9]*\)", "\([0-9][a-z0-9]*\)", ".*/\1\t\2 to \3/p' \
    "$1"
}

# "name<tab>text" a line, from the manual: what is said of each option.
texts_of_manual() {
  awk '
    function flush() {
      for (i = 0; i < n; i++)
        print name[i] "\t" text
      n = 0
      text = ""
    }
    /^\.It Cm [a-z_]* =/ { if (text != "") flush(); name[n++] = $3; next }
    /^\.(El|Ss|Sh)/ { flush(); next }
    n { sub(/^\.[A-Z][a-z] /, ""); text = text " " $0 }' "$1"
}

# compare_bounds TABLE MANUAL: says what bounds the manual lacks.
compare_bounds() {
  bounds_of_table "$1" >"$tmp/bounds"
  texts_of_manual "$2" >"$tmp/texts"
  [ -s "$tmp/bounds" ] || { echo "$1: no bounds found"; return 1; }
  awk -F '\t' '
    NR == FNR { text[$1] = text[$1] $2; next }
    index(text[$1], $2) == 0 {
      print "postern.conf(5) lacks of " $1 ": " $2
      bad = 1
    }
    END { exit bad }' "$tmp/texts" "$tmp/bounds"
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
  sed 's/^\(X(COUNT, web_workers, "4", "1", \)"256"/\1"255"/' \
    "$srcdir/src/platform/options.h" >"$tmp/options.h"
  if compare_bounds "$tmp/options.h" "$manual" >/dev/null; then
    echo "the gate misses a wrong bound"
    return 1
  fi
}

compare "$srcdir/src/platform/options.h" "$srcdir/man/postern.conf.5" \
  "$srcdir/postern.conf.sample"
compare_bounds "$srcdir/src/platform/options.h" "$srcdir/man/postern.conf.5"
self_test
