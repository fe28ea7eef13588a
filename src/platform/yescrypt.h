/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_YESCRYPT_H
#define PLATFORM_YESCRYPT_H

#include <stdbool.h>

#include "base/err.h"

/*
 * yescrypt through libxcrypt, in the `$y$` form of crypt(5).  The library
 * takes at most 511 bytes and answers failure with a string that begins
 * with '*'; neither ever reaches a caller.
 */
#define YESCRYPT_MAX 384      /* a hash and its NUL (CRYPT_OUTPUT_SIZE) */
#define YESCRYPT_PASSWORD 511 /* longest password, in bytes */

/*
 * Reserves the memory a call needs beyond its table; before the first call
 * and once a process.  Only the password pool calls it: hashing without it
 * is a bug (must), which is how "the web pool never hashes" is kept.
 */
void yescrypt_open(void);

/* Hashes password with a new salt at this cost (1 to 11). */
enum err yescrypt_hash(char out[YESCRYPT_MAX], const char *password,
    int cost) MUST_USE;

/*
 * Whether password gives hash, compared in constant time.  Costs one hash of
 * hash's own cost.  A password over YESCRYPT_PASSWORD is never right but
 * costs the same.
 */
enum err yescrypt_verify(const char *hash, const char *password,
    bool *right) MUST_USE;

/*
 * Spends what a hash at this cost takes and gives nothing: for addresses
 * that have no account.
 */
enum err yescrypt_waste(const char *password, int cost) MUST_USE;

/*
 * Spends what a hash at this cost takes more than hash's own, which was
 * verified just now: so that both come to the same.  Nothing when hash costs
 * as much or more.
 */
enum err yescrypt_waste_rest(const char *hash, const char *password,
    int cost) MUST_USE;

/* Whether hash was made at another cost than this, or another method. */
bool yescrypt_outdated(const char *hash, int cost);

#endif
