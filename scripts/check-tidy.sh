#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: clang-tidy 14 has nothing to say about src/ (.clang-tidy: bugs, and
# functions of 60 lines, 3 levels, 6 parameters).  Skipped (77) where
# clang-tidy 14 is missing.  Under make a file that passed is not read again
# until it, a header or the configuration changes: tidy/ in the build folder.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tidy=
for name in clang-tidy-14 clang-tidy; do
  case $(command -v "$name" >/dev/null && "$name" --version) in
  *' version 14.'*) tidy=$name && break ;;
  esac
done
[ -n "$tidy" ] || { echo "clang-tidy 14 is missing"; exit 77; }

passed=${POSTERN_BUILD:-$tmp}/tidy
# Makefile.am's definitions, but for their values.
flags="-std=gnu17 -D_GNU_SOURCE -iquote $srcdir/src -DPACKAGE_VERSION=\"\"
  $(sed -n 's/.*-D\(POSTERN_[A-Z_]*\)=.*/-D\1=""/p' "$srcdir/Makefile.am")
  $(pkg-config --cflags libpq json-c fcgi libesmtp-1.0 libcrypto libidn2)"

# Of what a verdict hangs on besides the file itself.
common_sum() {
  echo "$flags" | cat - "$srcdir/.clang-tidy" >"$tmp/common"
  find "$srcdir/src" -name '*.h' | sort | xargs cat >>"$tmp/common"
  cksum <"$tmp/common"
}

# One file, for xargs: its findings in one piece, or its sum in $passed.
cat >"$tmp/tidy_one" <<'END'
tidy=$1 config=$2 passed=$3 common=$4 flags=$5 file=$6
name=$(echo "$file" | tr / _)
sum="$common $(cksum <"$file")"
[ "$(cat "$passed/$name" 2>/dev/null)" != "$sum" ] || exit 0
# shellcheck disable=SC2086 # the flags are many
if found=$("$tidy" --quiet --config-file="$config" "$file" -- $flags 2>&1)
then
  echo "$sum" >"$passed/$name"
else
  echo "$found" | grep -vE '^([0-9]+ warnings? |Error while processing)'
  exit 1
fi
END

# check_tree FOLDER: prints what clang-tidy finds in its files.
check_tree() {
  mkdir -p "$passed"
  find "$1" -name '*.c' | sort | xargs -n 1 -P 2 sh "$tmp/tidy_one" \
    "$tidy" "$srcdir/.clang-tidy" "$passed" "$(common_sum)" "$flags"
}

# offends TEXT: whether a file with this text is found, for its first line.
offends() {
  printf '%s\n' "$1" >"$tmp/tree/offending.c"
  if check_tree "$tmp/tree" >"$tmp/found"; then
    echo "the gate misses: $1"
    return 1
  fi
  grep -q "offending.c:1:.*error:.*\[" "$tmp/found" || {
    cat "$tmp/found"
    return 1
  }
}

# lines N: a function with a body of that many.
lines() {
  echo 'int f(int a) {'
  yes '  a++;' | head -n $(($1 - 1))
  echo '  return a; }'
}

# One offending file each: too many parameters, too deep, a bug, too long; and
# a file that is just not.
self_test() {
  mkdir "$tmp/tree"
  while read -r text; do
    offends "$text" || return 1
  done <<'END'
int f(int a, int b, int c, int d, int e, int g, int h) { return a+b+c+d+e+g+h; }
int f(int a) { if (a) { if (a > 1) { if (a > 2) { if (a > 3) { a = 0; } } } } return a; }
int f(int a) { int *p = 0; return a ? *p : 0; }
END
  offends "$(lines 61)" || return 1
  lines 60 >"$tmp/tree/offending.c"
  check_tree "$tmp/tree"
}

check_tree "$srcdir/src"
self_test
