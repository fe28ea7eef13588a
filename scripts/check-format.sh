#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: no blanks at the ends of lines, a newline at the end of files, no file
# over 600 lines; C as clang-format 14 writes it, which is skipped (77) where
# that is missing.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The text files under a folder that are ours, NUL-separated.
texts() {
  (cd "$1" && find . \
    \( -name '.?*' -o -name build -o -name build-aux -o -name var \
    -o -name autom4te.cache -o -name __pycache__ -o -name _build \
    -o -name _inst -o -name 'postern-[0-9]*' \) -type d -prune -o \
    -type f ! -name '*.log' ! -name '*.trs' \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \
    -o -name '*.sql' -o -name '*.conf' -o -name '*.[58]' -o -name '*.md' \
    -o -path './scripts/*' -o -name run -o -name '*.mk' \
    -o -name Makefile.am -o -name configure.ac \) \
    -print0)
}

# check_texts FOLDER: prints what is wrong with its text files.
check_texts() {
  bad=0
  texts "$1" | (cd "$1" && xargs -0 grep -nE '[ 	]+$' /dev/null) \
    >"$tmp/blanks" || true
  if [ -s "$tmp/blanks" ]; then
    echo "blanks at the end of a line:"
    cat "$tmp/blanks"
    bad=1
  fi
  # shellcheck disable=SC2016 # it is the inner shell that knows $f
  texts "$1" | (cd "$1" && xargs -0 sh -c 'for f; do
    [ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at its end"
    [ "$(wc -l <"$f")" -le 600 ] || echo "$f: over 600 lines"
  done' sh) >"$tmp/shape"
  if [ -s "$tmp/shape" ]; then
    cat "$tmp/shape"
    bad=1
  fi
  return $bad
}

# check_c FOLDER: prints what clang-format would write otherwise.
check_c() {
  texts "$1" | grep -zE '\.[ch]$' | (cd "$1" &&
    xargs -0 "$format" --style=file --dry-run -Werror)
}

# offends CHECK FILE: whether the text of standard input, alone in a tree as
# that file, is found.
offends() {
  rm -rf "$tmp/tree"
  mkdir -p "$tmp/tree/${2%/*}"
  cat >"$tmp/tree/$2"
  if "$1" "$tmp/tree" >"$tmp/found" 2>&1; then
    echo "the gate misses: $1 $2"
    exit 1
  fi
}

# One offending file each; and one that is not.
self_test_texts() {
  printf 'int blanks; \n' | offends check_texts src/offending.c
  printf 'blanks = 1\t\n' | offends check_texts tests/offending.py
  printf 'echo blanks \n' | offends check_texts scripts/offending
  printf 'int end;' | offends check_texts src/offending.h
  yes 'line = 0' | head -n 601 | offends check_texts tests/offending.py
  yes 'line = 0' | head -n 600 >"$tmp/tree/tests/offending.py"
  check_texts "$tmp/tree"
}

check_texts "$srcdir"
self_test_texts

format=
for name in clang-format-14 clang-format; do
  case $(command -v "$name" >/dev/null && "$name" --version) in
  *' version 14.'*) format=$name && break ;;
  esac
done
[ -n "$format" ] || { echo "clang-format 14 is missing"; exit 77; }

check_c "$srcdir"
cp "$srcdir/.clang-format" "$tmp/.clang-format"
printf 'int  wide;\n' | offends check_c src/offending.c
