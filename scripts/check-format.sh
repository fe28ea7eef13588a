#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: C as clang-format 14 writes it; no blanks at the ends of lines, a
# newline at the end of files, no file over 600 lines; scripts without a
# complaint of shellcheck.  Skipped (77) where clang-format 14 is missing.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

format=
for name in clang-format-14 clang-format; do
  case $(command -v "$name" >/dev/null && "$name" --version) in
  *' version 14.'*) format=$name && break ;;
  esac
done
[ -n "$format" ] || { echo "clang-format 14 is missing"; exit 77; }

# The text files under a folder that are ours, NUL-separated.
texts() {
  (cd "$1" && find . \
    \( -name '.?*' -o -name build -o -name build-aux -o -name var \
    -o -name autom4te.cache -o -name __pycache__ -o -name _build \
    -o -name _inst -o -name 'postern-[0-9]*' \) -type d -prune -o \
    -type f ! -name '*.log' ! -name '*.trs' \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \
    -o -name '*.sql' -o -name '*.conf' -o -name '*.[58]' -o -name '*.md' \
    -o -path './scripts/*' -o -name Makefile.am -o -name configure.ac \) \
    -print0)
}

# check_tree FOLDER: prints what is wrong with its files.
check_tree() {
  bad=0
  texts "$1" | (cd "$1" && xargs -0 grep -nE '[ 	]+$') >"$tmp/blanks" || true
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
  texts "$1" | grep -zE '\.[ch]$' | (cd "$1" &&
    xargs -0 "$format" --style=file --dry-run -Werror) || bad=1
  return $bad
}

# One offending file each.
self_test() {
  cp "$srcdir/.clang-format" "$tmp/.clang-format"
  mkdir "$tmp/tree"
  for text in 'int  wide;\n' 'int blanks; \n' 'int end;'; do
    # shellcheck disable=SC2059 # the text has the escapes
    printf "$text" >"$tmp/tree/offending.c"
    if check_tree "$tmp/tree" >/dev/null 2>&1; then
      echo "the gate misses: $text"
      return 1
    fi
  done
}

check_tree "$srcdir"
if command -v shellcheck >/dev/null; then
  (cd "$srcdir/scripts" &&
    shellcheck -x -P .. quickstart test matrix lib.sh ./*.sh \
      ../bench/run)
fi
self_test
