#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Gate: every fuzz target takes every one of its seeds (a few seconds).
# Skipped (77) where there is no clang with libFuzzer.
srcdir=${srcdir:-$(dirname "$0")/../..}
exec "$srcdir/tests/fuzz/run" --replay
