#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: who may include what (ARCHITECTURE.md, Layers).  A folder of src/ is a
# layer; a file of src/ itself is one of its own name.
set -eu
srcdir=${srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# layer: what it may include besides base/ and itself.
cat >"$tmp/layers" <<'END'
base:
platform:
render: platform/
http: platform/ !platform/db.h
domain: platform/
handlers: domain/ http/ render/ platform/config.h platform/log.h platform/json.h platform/url.h
routes: handlers/
process: domain/unit.h render/template.h platform/
worker: process.h routes.h handlers/ http/ render/ domain/unit.h domain/identity_token.h domain/signing_key.h domain/token_cache.h platform/
mail_child: process.h platform/
mailer: process.h mail_child.h domain/ render/ platform/
janitor: process.h domain/ platform/
check: process.h domain/ render/ platform/
replace: crew.h platform/
crew: process.h worker.h mailer.h janitor.h platform/
trial: check.h replace.h platform/
supervisor: crew.h replace.h trial.h process.h platform/
posternd: supervisor.h replace.h check.h platform/
ctl: handlers/call.h http/body.h domain/ platform/
posternctl: ctl/ check.h platform/
END

# A library's header, and the one file that knows it.
cat >"$tmp/libraries" <<'END'
auth-client.h: platform/smtp.c
crypt.h: platform/yescrypt.c
curl/curl.h: platform/fetch.c
fcgiapp.h: platform/fcgi.c
idn2.h: platform/idn.c
json-c/: platform/json.c
libesmtp.h: platform/smtp.c
libpq-fe.h: platform/db_link.h
link.h: platform/self.c
linux/capability.h: platform/sandbox.c
openssl/: platform/crypto.c
openssl/ssl.h: platform/smtp.c
sanitizer/: base/arena.c
END

# Headers of the C library, by name; anything else needs a row above.
libc=' arpa/inet.h ctype.h dirent.h endian.h errno.h fcntl.h ftw.h getopt.h
 glob.h grp.h inttypes.h limits.h malloc.h math.h net/if.h netdb.h
 netinet/in.h poll.h pthread.h pwd.h sched.h signal.h stdalign.h stdarg.h
 stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h
 string.h strings.h syslog.h termios.h time.h unistd.h wchar.h '

# check_tree SRC: prints every include that may not be.
# shellcheck disable=SC2016 # awk's dollars, not the shell's
check_tree() {
  (cd "$1" && find . -name '*.[ch]' | sed 's|^\./||' | sort |
    xargs awk -v libc="$(echo "$libc" | tr '\n' ' ')" '
    function layer(path) {
      if (path ~ "/") sub("/.*", "", path)
      else sub("\\.[ch]$", "", path)
      return path
    }
    function begins(s, with) { return index(s, with) == 1 }
    function bad(why) {
      printf "src/%s:%d: %s: %s\n", FILENAME, FNR, $2, why
      found = 1
    }
    function own(file, header,   n, allowed, list, i) {
      if (begins(header, "base/") || layer(header) == layer(file)) return 1
      n = split(layers[layer(file)], list, " ")
      for (i = 1; i <= n; i++) {
        if (list[i] == "!" header) return 0
        if (list[i] == header || list[i] ~ "/$" && begins(header, list[i]))
          allowed = 1
      }
      return allowed
    }
    function library(file, header,   row, best) {
      if (index(libc, " " header " ") || begins(header, "sys/")) return 1
      for (row in owner)
        if ((row == header || row ~ "/$" && begins(header, row)) &&
          length(row) > length(best)) best = row
      return best != "" && owner[best] == file
    }
    FILENAME ~ "/layers$" {
      name = $1; sub(":", "", name); $1 = ""; layers[name] = $0 " "; next
    }
    FILENAME ~ "/libraries$" { sub(":", "", $1); owner[$1] = $2; next }
    FNR == 1 {
      included = 0
      if (!(layer(FILENAME) in layers)) {
        printf "src/%s: no such layer\n", FILENAME
        found = 1
      }
    }
    !/^#[ \t]*include/ { next }
    { header = $2; gsub("[<>\"]", "", header); included++ }
    $2 ~ /^</ {
      if (!library(FILENAME, header)) bad("not this file'\''s library")
      next
    }
    (getline line < header) < 0 { bad("not written from src/"); next }
    { close(header) }
    !own(FILENAME, header) { bad("not this layer'\''s to include") }
    FILENAME ~ "\\.c$" && included > 1 &&
      header == substr(FILENAME, 1, length(FILENAME) - 1) "h" {
      bad("the own header comes first")
    }
    END { exit found }' "$tmp/layers" "$tmp/libraries")
}

# Each line is a file and an include that it must not have.
self_test() {
  while read -r file header; do
    rm -rf "$tmp/src"
    mkdir -p "$tmp/src/${file%/*}" "$tmp/src/domain" "$tmp/src/platform"
    : >"$tmp/src/domain/session.h"
    : >"$tmp/src/platform/db.h"
    printf '#include %s\n' "$header" >"$tmp/src/$file"
    if check_tree "$tmp/src" >/dev/null; then
      echo "the gate misses $header in $file"
      return 1
    fi
  done <<'END'
http/upward.c "domain/session.h"
http/database.c "platform/db.h"
platform/upward.c "domain/session.h"
domain/foreign.c <libpq-fe.h>
platform/unknown.c <curl/curl.h>
domain/relative.c "session.h"
layerless/new.c "base/err.h"
END
}

check_tree "$srcdir/src"
self_test
