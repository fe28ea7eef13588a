/* SPDX-License-Identifier: ISC */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * A fuzz target is a file here with the one function below, and a folder of
 * the same name under corpus/ with its seeds; tests/fuzz/run builds and runs
 * them all.  A target states with must() what has to hold for every input:
 * that nothing crashes is the least of it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An arena for one input: always the same one, emptied. */
struct arena *fuzz_arena(void);

/*
 * text with bytes of the input written over it: two bytes say where, the
 * others are what.  A NUL among them cuts it off.  In mem.
 */
char *fuzz_overwrite(struct arena *mem, const char *text, const uint8_t *data,
    size_t size);

#endif
