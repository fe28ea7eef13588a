#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: mandoc has nothing to say about the manual pages; posternd(8) has the
# options that src/posternd.c takes, and no other; every route of src/routes.c
# stands there, and the API's in docs/api.md too;
# posternctl(8) has every subcommand with its verbs and its long options, as
# src/ctl/ has them, and no other; the newest entry of CHANGELOG.md is this
# version.  Skipped (77) where mandoc is missing.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

command -v mandoc >/dev/null || { echo "mandoc is missing"; exit 77; }

lint() {
  mandoc -T lint -W warning "$@"
}

# The options of a program, "c Ar" where one takes an argument: of its source,
# and of its manual page.
options_of_source() {
  sed -n 's/.*getopt(argc, argv, "\([^"]*\)").*/\1/p' "$1" |
    grep -o '[a-zA-Z]:*' | sed 's/:/ Ar/' | sort
}
options_of_page() {
  sed -n 's/^\.It Fl \([a-zA-Z]\)\( Ar\)\{0,1\}\( .*\)\{0,1\}$/\1\2/p' "$1" | sort
}

# compare_options PAGE SOURCE: says what one has and the other lacks.
compare_options() {
  options_of_page "$1" >"$tmp/page"
  options_of_source "$2" >"$tmp/source"
  [ -s "$tmp/source" ] || { echo "$2: no options found"; return 1; }
  diff -U 0 "$tmp/source" "$tmp/page" >"$tmp/diff" && return 0
  echo "the options of ${2##*/} (-) and of ${1##*/} (+) differ:"
  grep '^[-+][a-zA-Z]' "$tmp/diff"
  return 1
}

# "METHOD path" of every row of the table.
routes() {
  sed -n 's/.*{ METHOD_\([A-Z]*\), "\([^"]*\)",.*/\1 \2/p' "$1"
}

# The subcommands of posternctl.
commands() {
  sed -n 's/^\t{ "\([a-z-]*\)", ".*/\1/p' "$1"
}

# "command verb" and "command --option", of a subcommand's source: of what it
# prints as its usage, and of its table for getopt_long(3) or for
# ctl_read_options(), which adds --database.
words_of_source() {
  awk '
    /"(usage:|      ) posternctl [a-z]/ {
      sub(/.*posternctl /, "")
      command = $1
      if ($2 ~ /^[a-z][a-z-]*/ && match($2, /^[a-z-]+/))
        print command, substr($2, 1, RLENGTH)
    }
    /[{] "[a-z-]+", ((no|required)_argument|NULL, &.*|&.*, NULL)/ {
      split($0, part, "\"")
      option[part[2]]
    }
    /ctl_read_options[(]/ { option["database"] }
    END {
      for (o in option)
        if (command != "")
          print command, "--" o
    }' "$1" | sort -u
}

# The same of a manual page: of its synopsis, each option described below it.
words_of_page() {
  awk '
    /^\.Sh / { synopsis = $2 == "SYNOPSIS"; below = !synopsis }
    synopsis && /^\.Nm/ { command = "" }
    synopsis && /^\.Cm/ {
      for (i = 2; i <= NF; i++)
        if (command == "")
          command = $i
        else if ($i != "|")
          word[command " " $i]
    }
    {
      for (rest = $0; match(rest, /Fl -[a-z-]+/);
          rest = substr(rest, RSTART + RLENGTH))
        if (synopsis)
          word[command " --" substr(rest, RSTART + 4, RLENGTH - 4)]
        else if (below)
          described["--" substr(rest, RSTART + 4, RLENGTH - 4)]
    }
    END {
      for (w in word) {
        split(w, part, " ")
        if (part[2] ~ /^--/ && !(part[2] in described))
          print w, "(only in the synopsis)"
        else
          print w
      }
    }' "$1" | sort -u
}

# compare_words PAGE SOURCE...: says what one has and the other lacks.
compare_words() {
  words_of_page "$1" >"$tmp/page"
  shift
  for source; do
    words_of_source "$source"
  done | sort -u >"$tmp/source"
  [ -s "$tmp/source" ] || { echo "no words of posternctl found"; return 1; }
  diff -U 0 "$tmp/source" "$tmp/page" >"$tmp/diff" && return 0
  echo "src/ctl/ (-) and posternctl(8) (+) differ:"
  grep '^[-+][a-z]' "$tmp/diff"
  return 1
}

# missing PAGE MACRO: of the lines of standard input, those without an item.
missing() {
  found=1
  while read -r item; do
    grep -qxF ".It $2 $item" "$1" || { echo "${1##*/} lacks: $item"; found=0; }
  done
  return $found
}

# missing_headings FILE: of the lines of standard input, those that no
# heading has.
missing_headings() {
  found=1
  while read -r item; do
    grep '^### ' "$1" | grep -qwF -e "$item" ||
      { echo "${1##*/} lacks: $item"; found=0; }
  done
  return $found
}

self_test() {
  printf '.Dd today\n.Sh NAME\n' >"$tmp/bad.8"
  if lint "$tmp/bad.8" >/dev/null; then
    echo "the gate misses a bad page"
    return 1
  fi
  sed 's/getopt(argc, argv, "/&x/' "$srcdir/src/posternd.c" >"$tmp/posternd.c"
  sed '/^\.It Fl T/d' "$srcdir/man/posternd.8" >"$tmp/posternd.8"
  sed 's/^\.It Fl c Ar file/.It Fl c/' "$srcdir/man/posternd.8" >"$tmp/flag.8"
  if compare_options "$srcdir/man/posternd.8" "$tmp/posternd.c" >/dev/null ||
    compare_options "$tmp/posternd.8" "$srcdir/src/posternd.c" >/dev/null ||
    compare_options "$tmp/flag.8" "$srcdir/src/posternd.c" >/dev/null; then
    echo "the gate misses an option of posternd without a word"
    return 1
  fi
  if ! echo 'GET /nowhere' | missing "$srcdir/man/posternd.8" Li >/dev/null
  then
    echo "the gate misses a route without a word"
    return 1
  fi
  if ! echo 'GET /auth/nowhere' |
    missing_headings "$srcdir/docs/api.md" >/dev/null; then
    echo "the gate misses a call without a heading"
    return 1
  fi
  printf '"usage: posternctl key burn [--twice]\\n"\n%s\n%s\n%s\n' \
    '{ "twice", no_argument, NULL, 2 },' '{ "at", &r->at, NULL },' \
    'ctl_read_options(&r->place, own' >"$tmp/key.c"
  if [ "$(words_of_source "$tmp/key.c")" != "key --at
key --database
key --twice
key burn" ]; then
    echo "the gate misses a verb or an option of posternctl"
    return 1
  fi
  if compare_words "$srcdir/man/posternctl.8" "$srcdir"/src/ctl/*.c \
    "$tmp/key.c" >/dev/null; then
    echo "the gate misses a verb without a word"
    return 1
  fi
}

bad=0
lint "$srcdir"/man/*.[1-9] || bad=1
compare_options "$srcdir/man/posternd.8" "$srcdir/src/posternd.c" || bad=1
routes "$srcdir/src/routes.c" >"$tmp/routes"
commands "$srcdir/src/posternctl.c" >"$tmp/commands"
if [ ! -s "$tmp/routes" ] || [ ! -s "$tmp/commands" ]; then
  echo "routes or subcommands not found"
  bad=1
fi
! missing "$srcdir/man/posternd.8" Li <"$tmp/routes" || bad=1
grep -e ' /auth/' -e ' /\.' -e 'z$' "$tmp/routes" >"$tmp/api"
! missing_headings "$srcdir/docs/api.md" <"$tmp/api" || bad=1
! missing "$srcdir/man/posternctl.8" Cm <"$tmp/commands" || bad=1
compare_words "$srcdir/man/posternctl.8" "$srcdir"/src/ctl/*.c || bad=1
version=$(sed -n 's/^AC_INIT(\[postern\], \[\(.*\)\])$/\1/p' \
  "$srcdir/configure.ac")
newest=$(sed -n 's/^## \([0-9][^ ]*\).*/\1/p' "$srcdir/CHANGELOG.md" | head -n 1)
[ "$version" = "$newest" ] || {
  echo "configure.ac says $version, CHANGELOG.md $newest"
  bad=1
}
self_test || bad=1
exit $bad
