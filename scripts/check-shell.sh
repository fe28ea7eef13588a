#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: shellcheck has nothing to say about the shell scripts of the tree,
# which are found by their first lines.
set -eu
srcdir=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

command -v shellcheck >/dev/null || {
  echo "shellcheck is missing: apt-get install shellcheck"
  exit 1
}

# scripts FOLDER: its shell scripts, NUL-separated.
scripts() {
  (cd "$1" && find . \
    \( -name .git -o -name build -o -name build-aux -o -name var \
    -o -name autom4te.cache -o -name node_modules -o -name _build \
    -o -name _inst -o -name 'postern-[0-9]*' \) -prune -o \
    -type f ! -name 'config*' ! -name '*.log' -exec awk '
      FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ ||
      FNR <= 2 && /^# shellcheck shell=/ { printf "%s%c", FILENAME, 0 }
      FNR > 1 { nextfile }' {} +)
}

# check_tree FOLDER: prints what is wrong with its scripts.
check_tree() {
  scripts "$1" | (cd "$1" && xargs -0 shellcheck -x -P "$srcdir")
}

# One offending file each, by every way in which a script is found.
self_test() {
  for first in '#!/bin/sh' '#!/usr/bin/env bash' '# shellcheck shell=bash'; do
    rm -rf "$tmp/tree"
    mkdir -p "$tmp/tree/.hidden"
    printf '%s\nrm %s1\n' "$first" '$' >"$tmp/tree/.hidden/offending"
    if check_tree "$tmp/tree" >"$tmp/found" ||
      ! grep -q 'SC2086' "$tmp/found"; then
      echo "the gate misses a word that is not quoted, after $first"
      return 1
    fi
  done
}

scripts "$srcdir" | tr '\0' '\n' | sort >"$tmp/scripts"
for script in .ci/run bench/run scripts/check-shell.sh scripts/lib.sh \
  scripts/matrix scripts/quickstart scripts/test tests/fuzz/replay.sh \
  tests/fuzz/run; do
  grep -qxF "./$script" "$tmp/scripts" || {
    echo "the gate does not find $script"
    exit 1
  }
done
check_tree "$srcdir"
self_test
