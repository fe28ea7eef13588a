/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_CRYPTO_H
#define PLATFORM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * The primitives, all of OpenSSL's libcrypto, wrapped so that a caller can
 * use each in one way only.  Failures of the library itself (no memory, no
 * entropy) are must(): nothing here may go on with half a result.
 */
#define SHA256_SIZE 32
#define KEY_SIZE 32             /* of every symmetric key here */
#define ES256_SIGNATURE 64      /* r and s, as JWS wants them (RFC 7518) */
#define ES256_POINT 32          /* x or y */
#define SEAL_OVERHEAD (12 + 16) /* nonce and tag around a sealed text */

/*
 * Has OpenSSL look up and make, before a process forks, what each of its
 * children would make for itself: they share it then, and start sooner.  No
 * secret is used, and after a fork OpenSSL seeds its generator anew.
 */
void crypto_warm(void);

void crypto_random(void *out, size_t n);

/* Constant-time comparison. */
bool crypto_equal(const void *a, const void *b, size_t n);

void crypto_sha256(unsigned char out[SHA256_SIZE], const void *p, size_t n);

/* HMAC-SHA-256 (RFC 2104). */
void crypto_hmac(unsigned char out[SHA256_SIZE],
    const unsigned char key[KEY_SIZE], const void *p, size_t n);

/* HKDF-SHA-256 (RFC 5869) without salt: a key for the use named by info. */
void crypto_derive(unsigned char out[KEY_SIZE],
    const unsigned char key[KEY_SIZE], const char *info);

/*
 * AES-256-GCM (NIST SP 800-38D) with a random nonce in front and the tag at
 * the end; aad is bound, not kept.  out takes n + SEAL_OVERHEAD bytes.
 */
void crypto_seal(unsigned char *out, const unsigned char key[KEY_SIZE],
    const char *aad, const void *p, size_t n);

/* Opens n sealed bytes into n - SEAL_OVERHEAD; false if anything differs. */
bool crypto_unseal(unsigned char *out, const unsigned char key[KEY_SIZE],
    const char *aad, const void *p, size_t n);

/* An ECDSA P-256 key, private or public. */
struct es256;

struct es256 *es256_generate(void);

/* DER: PKCS#8 for private keys, SubjectPublicKeyInfo for public ones.  The
 * readers return NULL for anything but a P-256 key. */
struct es256 *es256_read_private(const void *der, size_t n);
struct es256 *es256_read_public(const void *der, size_t n);

/* DER into mem; *n is its length.  The private one is the caller's to wipe. */
unsigned char *es256_write_private(const struct es256 *k, struct arena *mem,
    size_t *n);
unsigned char *es256_write_public(const struct es256 *k, struct arena *mem,
    size_t *n);

/* The public point's coordinates, for a JWK (RFC 7518 section 6.2). */
void es256_point(const struct es256 *k, unsigned char x[ES256_POINT],
    unsigned char y[ES256_POINT]);

void es256_sign(const struct es256 *k, unsigned char sig[ES256_SIGNATURE],
    const void *p, size_t n);
bool es256_verify(const struct es256 *k,
    const unsigned char sig[ES256_SIGNATURE], const void *p, size_t n);

/* Frees *kp and sets it to NULL; NULL is accepted. */
void es256_free(struct es256 **kp);

#endif
