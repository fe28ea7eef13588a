# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# What scripts/quickstart, scripts/test, scripts/matrix and bench/run share:
# messages, Debian packages, building, testing, processes.  Sourced, with
# $source set to the folder of the sources.
# shellcheck disable=SC2034,SC2154 # they are used, and set, over there

# nginx and friends are not on an ordinary user's path.
PATH=$PATH:/usr/sbin:/sbin

build_packages=(autoconf automake gcc make libc6-dev pkgconf
	libfcgi-dev libpq-dev libjson-c-dev libcrypt-dev libesmtp-dev
	libssl-dev libidn2-dev libcurl4-openssl-dev)
run_packages=(nginx postgresql openssl curl jq python3-aiosmtpd)
test_packages=(check mandoc shellcheck
	python3-pytest python3-pytest-xdist python3-requests
	python3-jwt python3-cryptography pgbouncer
	python3-selenium chromium chromium-driver npm strace)
bench_packages=(wrk python3-requests)
# Of clang's tools other versions have other opinions; not every Debian has
# this one.
clang_packages=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev)

# Messages. -------------------------------------------------------------

say() {
	printf '==> %s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# quietly LOG COMMAND...: shows the end of what it wrote only if it fails.
quietly() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 && return 0
	tail -n 40 "$log" >&2
	die "this failed, all of it is in $log: $*"
}

# Packages. -------------------------------------------------------------

is_root() {
	[ "$(id -u)" -eq 0 ]
}

as_root() {
	if is_root; then
		"$@"
	else
		sudo "$@"
	fi
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# postgresql_bin MAJOR: that PostgreSQL's folder of programs, or nothing;
# '*' is the newest.
postgresql_bin() {
	compgen -G "/usr/lib/postgresql/$1/bin/initdb" | sort -V |
		tail -n 1 | xargs -r dirname || true
}

missing_packages() {
	local package
	for package; do
		case $package in
		postgresql) [ -n "$(postgresql_bin "*")" ] || echo "$package" ;;
		npm) command -v npm >/dev/null || echo npm ;; # or of Node.js's own
		*) is_installed "$package" || echo "$package" ;;
		esac
	done
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" \
		</dev/null >>"$apt_log" 2>&1 && return 0
	tail -n 20 "$apt_log" >&2
	return 1
}

policy=/usr/sbin/policy-rc.d
cluster_conf=/etc/postgresql-common/createcluster.conf

# While packages are installed no service is started ...
forbid_services() {
	if [ -e $policy ] && ! grep -q 'Postern' $policy; then
		as_root mv $policy $policy.postern
	fi
	printf '#!/bin/sh\n# Postern installs packages.\nexit 101\n' |
		as_root tee $policy >/dev/null
	as_root chmod 755 $policy
}

# ... and afterwards everything is as it was.
restore_services() {
	as_root rm -f $policy
	if [ -e $policy.postern ]; then
		as_root mv $policy.postern $policy
	fi
	if [ -e $cluster_conf.postern ]; then
		as_root mv $cluster_conf.postern $cluster_conf
	fi
}

# PostgreSQL's package would make a cluster of its own.
forbid_cluster() {
	apt install postgresql-common &&
		as_root cp -p $cluster_conf $cluster_conf.postern &&
		echo 'create_main_cluster = false' |
			as_root tee -a $cluster_conf >/dev/null
}

# Services of fresh packages stay off at the next boot too.
disable_services() {
	local service
	for service in nginx postgresql pgbouncer; do
		[[ " $* " != *" $service "* ]] ||
			as_root update-rc.d $service disable >/dev/null 2>&1 || true
	done
}

# install_packages NAME...: those of them that are missing.
install_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "Installing Debian packages: ${missing[*]}"
	is_root || command -v sudo >/dev/null ||
		die "no sudo; as root: apt-get install ${missing[*]}"
	(install_quietly "${missing[@]}") ||
		die "the packages could not be installed"
}

# In a shell of its own, so that the traps are.
install_quietly() {
	apt_log=$(mktemp)
	trap 'restore_services; rm -f "$apt_log"' EXIT
	trap 'exit 130' INT TERM HUP
	forbid_services &&
		apt update &&
		{ [[ " $* " != *" postgresql "* ]] || forbid_cluster; } &&
		apt install "$@" &&
		disable_services "$@"
}

# Folders. --------------------------------------------------------------

# must_be_ours PATH...: what is there can be written by nobody else, so what
# it holds can be believed, and no link leads out of it.
must_be_ours() {
	local path mode
	for path; do
		[ -e "$path" ] || [ -L "$path" ] || continue
		if [ "$(stat -c %u "$path")" != "$(id -u)" ] ||
			{ [ -e "$path" ] && [ ! -O "$path" ]; }; then
			die "$path belongs to somebody else" \
				"($(stat -Lc %U "$path" 2>/dev/null || stat -c %U "$path"))," \
				"who could change what is in it: remove it, or use another" \
				"folder"
		fi
		mode=0$(stat -Lc %a "$path" 2>/dev/null || true)
		if ((mode & 0002)) || { ((mode & 0020)) && [ ! -G "$path" ]; }; then
			die "$path can be written by others: chmod go-w $path"
		fi
	done
}

# Building. -------------------------------------------------------------

# A path that make and every configuration file take unquoted.
is_plain() {
	[[ $1 =~ ^[A-Za-z0-9._/+-]+$ ]]
}

# own_sources FOLDER: sources that cannot be written, were configured in
# place, or have a path that make refuses, are copied there; $source follows.
own_sources() {
	if is_plain "$source" && [ -w "$source" ] &&
		[ ! -e "$source/config.status" ]; then
		return
	fi
	must_be_ours "$(dirname "$1")"
	mkdir -p "$1"
	must_be_ours "$(dirname "$1")" "$1"
	tar -C "$source" --exclude-tag-all=.postern-quickstart \
		--exclude=./.git --exclude=./build --exclude=./var \
		--exclude=./config.status --exclude=./Makefile \
		--exclude='*.o' --exclude='*.a' -cf - . | tar -C "$1" -xf -
	source=$1
}

# build FOLDER CONFIGURE-OPTION...: configures $source there and makes it.
build() {
	local folder=$1
	shift
	# Sources that were moved are configured anew.
	if [ "$(cat "$folder/source" 2>/dev/null)" != "$source" ]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		echo "$source" >"$folder/source"
	fi
	if [ ! -e "$source/configure" ] || [ ! -e "$source/Makefile.in" ]; then
		quietly "$folder/autoreconf.log" autoreconf -i "$source"
	fi
	if [ ! -e "$folder/Makefile" ]; then
		(cd "$folder" && quietly configure.log "$source/configure" "$@")
	fi
	quietly "$folder/make.log" make -C "$folder" -j "$(nproc)"
}

# Testing. --------------------------------------------------------------

# Options of posternd in the caller's environment would be tested too.
drop_options() {
	local variable
	for variable in $(compgen -e POSTERN_ || true); do
		[[ $variable == POSTERN_TEST_* ]] || unset "$variable"
	done
}

# One line a test case: PASS, FAIL or SKIP, its name and why it was skipped.
junit_results() {
	[ -s "$1" ] || return 0
	/usr/bin/python3 - "$1" <<'END'
import sys
import xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).iter("testcase"):
    inside = {child.tag: child.get("message") for child in case}
    result = ("FAIL" if inside.keys() & {"failure", "error"} else
              "SKIP" if "skipped" in inside else "PASS")
    print(result, case.get("classname"), case.get("name"),
          inside.get("skipped", ""))
END
}

# Processes, kept by their pids in $run/kept. ---------------------------
# Only who starts them may write there, and they are stopped with no more
# power than they have themselves, which is that of "${as_user[@]}".

# When a process started: with its pid it names the process for ever.
# Nothing for one that is gone, if only its parent has not yet noticed.
started() {
	local stat fields
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	read -r -a fields <<<"${stat##*) }"
	[ "${fields[0]}" = Z ] || echo "${fields[19]}"
} 2>/dev/null

# keep NAME PID
keep() {
	echo "$2 $(started "$2")" >"$run/kept/$1"
}

# The pid kept under this name, if that process still runs.
kept() {
	local pid start
	[ -r "$run/kept/$1" ] || return 1
	read -r pid start <"$run/kept/$1"
	[ -n "$start" ] && [ "$(started "$pid")" = "$start" ] && echo "$pid"
}

# send SIGNAL PID
send() {
	# shellcheck disable=SC2016 # it is the inner shell that knows them
	"${as_user[@]}" bash -c 'kill -"$0" "$1"' "$1" "$2" 2>/dev/null || true
}

# stop_kept NAME SIGNAL: asks, waits, insists.
stop_kept() {
	local pid tries=0
	pid=$(kept "$1") || return 0
	send "$2" "$pid"
	while kept "$1" >/dev/null && [ $tries -lt 200 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	[ $tries -lt 200 ] || send KILL "$pid"
	rm -f "$run/kept/$1"
}
