/* SPDX-License-Identifier: ISC */
#include "platform/crypto.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"

/*
 * Algorithms are fetched from the provider once a process and kept until its
 * end: a fetch by name costs several times the hash of a short text.  What a
 * foreign signature or sealed text leaves in OpenSSL's error queue is cleared
 * here, or the next TLS call in this process would report it as its own.
 */
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define DER_SIGNATURE_MAX 80 /* P-256: 72 */
#define WARM_ARENA 4096

struct es256 {
	EVP_PKEY *pkey;
};

static EVP_MD *
sha256(void)
{
	static EVP_MD *md;

	if (md == NULL)
		must((md = EVP_MD_fetch(NULL, "SHA256", NULL)) != NULL);
	return md;
}

static EVP_CIPHER *
aes256gcm(void)
{
	static EVP_CIPHER *cipher;

	if (cipher == NULL) {
		cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
		must(cipher != NULL);
	}
	return cipher;
}

/* OpenSSL's parameters take pointers to what they only read. */
static OSSL_PARAM
digest_param(void)
{
	static char name[] = "SHA256";

	return OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_DIGEST, name, 0);
}

static EVP_MAC_CTX *
hmac(void)
{
	static EVP_MAC_CTX *ctx;
	OSSL_PARAM params[] = { digest_param(), OSSL_PARAM_END };
	EVP_MAC *mac;

	if (ctx != NULL)
		return ctx;
	must((mac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL);
	must((ctx = EVP_MAC_CTX_new(mac)) != NULL);
	must(EVP_MAC_CTX_set_params(ctx, params) == 1);
	EVP_MAC_free(mac);
	return ctx;
}

static EVP_KDF *
hkdf(void)
{
	static EVP_KDF *kdf;

	if (kdf == NULL)
		must((kdf = EVP_KDF_fetch(NULL, "HKDF", NULL)) != NULL);
	return kdf;
}

void
crypto_random(void *out, size_t n)
{
	must(n <= INT_MAX && RAND_bytes(out, (int)n) == 1);
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypto_sha256(unsigned char out[SHA256_SIZE], const void *p, size_t n)
{
	must(EVP_Digest(p, n, out, NULL, sha256(), NULL) == 1);
}

void
crypto_hmac(unsigned char out[SHA256_SIZE], const unsigned char key[KEY_SIZE],
    const void *p, size_t n)
{
	EVP_MAC_CTX *ctx = hmac();
	size_t len;

	must(EVP_MAC_init(ctx, key, KEY_SIZE, NULL) == 1);
	must(EVP_MAC_update(ctx, p, n) == 1);
	must(EVP_MAC_final(ctx, out, &len, SHA256_SIZE) == 1);
	must(len == SHA256_SIZE);
}

void
crypto_derive(unsigned char out[KEY_SIZE], const unsigned char key[KEY_SIZE],
    const char *info)
{
	unsigned char secret[KEY_SIZE];
	char label[64];
	int n = snprintf(label, sizeof label, "%s", info);
	EVP_KDF_CTX *ctx;

	must(n > 0 && n < (int)sizeof label);
	memcpy(secret, key, sizeof secret);
	OSSL_PARAM params[] = {
		digest_param(),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret,
		    sizeof secret),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label,
		    (size_t)n),
		OSSL_PARAM_END,
	};

	must((ctx = EVP_KDF_CTX_new(hkdf())) != NULL);
	must(EVP_KDF_derive(ctx, out, KEY_SIZE, params) == 1);
	EVP_KDF_CTX_free(ctx);
	explicit_bzero(secret, sizeof secret);
}

void
crypto_seal(unsigned char *out, const unsigned char key[KEY_SIZE],
    const char *aad, const void *p, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *text = out + NONCE_SIZE;
	size_t naad = strlen(aad);
	int len;

	must(ctx != NULL && n <= INT_MAX && naad <= INT_MAX);
	crypto_random(out, NONCE_SIZE);
	must(EVP_EncryptInit_ex2(ctx, aes256gcm(), key, out, NULL) == 1);
	must(EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)aad,
		 (int)naad) == 1);
	must(EVP_EncryptUpdate(ctx, text, &len, p, (int)n) == 1);
	must(len == (int)n);
	must(EVP_EncryptFinal_ex(ctx, text + n, &len) == 1 && len == 0);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
		 text + n) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

bool
crypto_unseal(unsigned char *out, const unsigned char key[KEY_SIZE],
    const char *aad, const void *p, size_t n)
{
	const unsigned char *in = p, *text;
	unsigned char tag[TAG_SIZE];
	size_t ntext, naad = strlen(aad);
	EVP_CIPHER_CTX *ctx;
	bool genuine;
	int len;

	if (n < SEAL_OVERHEAD)
		return false;
	must(n <= INT_MAX && naad <= INT_MAX);
	text = in + NONCE_SIZE;
	ntext = n - SEAL_OVERHEAD;
	must((ctx = EVP_CIPHER_CTX_new()) != NULL);
	memcpy(tag, text + ntext, sizeof tag);
	must(EVP_DecryptInit_ex2(ctx, aes256gcm(), key, in, NULL) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) ==
	    1);
	must(EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)aad,
		 (int)naad) == 1);
	must(EVP_DecryptUpdate(ctx, out, &len, text, (int)ntext) == 1);
	genuine = EVP_DecryptFinal_ex(ctx, out + ntext, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!genuine) {
		explicit_bzero(out, ntext);
		ERR_clear_error();
	}
	return genuine;
}

/* Takes pkey over; NULL unless it is a sound key on P-256. */
static struct es256 *
es256_of(EVP_PKEY *pkey, bool is_private)
{
	EVP_PKEY_CTX *ctx = NULL;
	char curve[32] = "";
	struct es256 *k = NULL;

	if (pkey != NULL && EVP_PKEY_is_a(pkey, "EC") &&
	    EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL) == 1 &&
	    strcmp(curve, "prime256v1") == 0 &&
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) != NULL &&
	    (is_private ? EVP_PKEY_check(ctx) : EVP_PKEY_public_check(ctx)) ==
		1) {
		must((k = malloc(sizeof *k)) != NULL);
		k->pkey = pkey;
	}
	EVP_PKEY_CTX_free(ctx);
	if (k == NULL)
		EVP_PKEY_free(pkey);
	ERR_clear_error();
	return k;
}

struct es256 *
es256_generate(void)
{
	struct es256 *k = es256_of(EVP_EC_gen("P-256"), true);

	must(k != NULL);
	return k;
}

struct es256 *
es256_read_private(const void *der, size_t n)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *pkey = NULL;

	if (n > INT_MAX)
		return NULL;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
	if (info != NULL && p == (const unsigned char *)der + n)
		pkey = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return es256_of(pkey, true);
}

struct es256 *
es256_read_public(const void *der, size_t n)
{
	const unsigned char *p = der;
	EVP_PKEY *pkey;

	if (n > INT_MAX)
		return NULL;
	pkey = d2i_PUBKEY(NULL, &p, (long)n);
	if (pkey != NULL && p != (const unsigned char *)der + n) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return es256_of(pkey, false);
}

unsigned char *
es256_write_private(const struct es256 *k, struct arena *mem, size_t *n)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
	unsigned char *der, *end;
	int len;

	must(info != NULL);
	must((len = i2d_PKCS8_PRIV_KEY_INFO(info, NULL)) > 0);
	der = end = arena_alloc(mem, (size_t)len);
	must(i2d_PKCS8_PRIV_KEY_INFO(info, &end) == len);
	PKCS8_PRIV_KEY_INFO_free(info);
	*n = (size_t)len;
	return der;
}

unsigned char *
es256_write_public(const struct es256 *k, struct arena *mem, size_t *n)
{
	unsigned char *der, *end;
	int len = i2d_PUBKEY(k->pkey, NULL);

	must(len > 0);
	der = end = arena_alloc(mem, (size_t)len);
	must(i2d_PUBKEY(k->pkey, &end) == len);
	*n = (size_t)len;
	return der;
}

static void
coordinate(const struct es256 *k, const char *name, unsigned char *out)
{
	BIGNUM *bn = NULL;

	must(EVP_PKEY_get_bn_param(k->pkey, name, &bn) == 1);
	must(BN_bn2binpad(bn, out, ES256_POINT) == ES256_POINT);
	BN_free(bn);
}

void
es256_point(const struct es256 *k, unsigned char x[ES256_POINT],
    unsigned char y[ES256_POINT])
{
	coordinate(k, OSSL_PKEY_PARAM_EC_PUB_X, x);
	coordinate(k, OSSL_PKEY_PARAM_EC_PUB_Y, y);
}

void
es256_sign(const struct es256 *k, unsigned char sig[ES256_SIGNATURE],
    const void *p, size_t n)
{
	unsigned char der[DER_SIGNATURE_MAX];
	const unsigned char *end = der;
	size_t len = sizeof der;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *pair;

	must(ctx != NULL);
	must(EVP_DigestSignInit(ctx, NULL, sha256(), NULL, k->pkey) == 1);
	must(EVP_DigestSign(ctx, der, &len, p, n) == 1);
	EVP_MD_CTX_free(ctx);
	must((pair = d2i_ECDSA_SIG(NULL, &end, (long)len)) != NULL);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, 32) == 32);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + 32, 32) == 32);
	ECDSA_SIG_free(pair);
}

/* The DER form (RFC 3279 section 2.2.3) of r and s; returns its length. */
static size_t
der_signature(unsigned char der[DER_SIGNATURE_MAX], const unsigned char *sig)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, 32, NULL);
	BIGNUM *s = BN_bin2bn(sig + 32, 32, NULL);
	int len;

	must(pair != NULL && r != NULL && s != NULL);
	must(ECDSA_SIG_set0(pair, r, s) == 1);
	len = i2d_ECDSA_SIG(pair, NULL);
	must(len > 0 && len <= DER_SIGNATURE_MAX);
	must(i2d_ECDSA_SIG(pair, &der) == len);
	ECDSA_SIG_free(pair);
	return (size_t)len;
}

bool
es256_verify(const struct es256 *k, const unsigned char sig[ES256_SIGNATURE],
    const void *p, size_t n)
{
	unsigned char der[DER_SIGNATURE_MAX];
	size_t len = der_signature(der, sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool right;

	must(ctx != NULL);
	must(EVP_DigestVerifyInit(ctx, NULL, sha256(), NULL, k->pkey) == 1);
	right = EVP_DigestVerify(ctx, der, len, p, n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!right)
		ERR_clear_error();
	return right;
}

void
es256_free(struct es256 **kp)
{
	struct es256 *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

void
crypto_warm(void)
{
	struct arena *mem = arena_new(WARM_ARENA);
	struct es256 *k = es256_generate(), *again;
	unsigned char sig[ES256_SIGNATURE], *der;
	size_t n;

	(void)aes256gcm();
	(void)hmac();
	(void)hkdf();
	/* A key of no use to anybody takes the way of a real one. */
	(void)es256_write_public(k, mem, &n);
	der = es256_write_private(k, mem, &n);
	must((again = es256_read_private(der, n)) != NULL);
	es256_sign(again, sig, der, n);
	must(es256_verify(again, sig, der, n));
	es256_free(&again);
	es256_free(&k);
	arena_free(&mem);
}
