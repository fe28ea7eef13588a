/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encode.h"
#include "platform/crypto.h"
#include "tests/test.h"

/* The primitives against the examples of their standards. */

static size_t
unhex(unsigned char *out, size_t cap, const char *hex)
{
	int n = hex_decode(out, cap, hex, strlen(hex));

	ck_assert_int_ge(n, 0);
	return (size_t)n;
}

static const struct {
	const char *text, *hex;
} digests[] = {
	/* FIPS 180-4's examples */
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855" },
	{ "abc",
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad" },
};

START_TEST(sha256_is_the_standards)
{
	unsigned char want[SHA256_SIZE], got[SHA256_SIZE];

	unhex(want, sizeof want, digests[_i].hex);
	crypto_sha256(got, digests[_i].text, strlen(digests[_i].text));
	ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

/* RFC 4231, cases 1, 2 and 4: a key padded with zeros is the same key. */
static const struct {
	const char *key, *text, *hex;
} macs[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665", "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843" },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
	    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
	    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
	    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
	    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
	    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd",
	    "82558a389a443c0ea4cc819899f2083a"
	    "85f0faa3e578f8077a2e3ff46729665b" },
};

START_TEST(hmac_is_the_standards)
{
	unsigned char key[KEY_SIZE] = { 0 };
	unsigned char want[SHA256_SIZE], got[SHA256_SIZE];

	unhex(key, sizeof key, macs[_i].key);
	unhex(want, sizeof want, macs[_i].hex);
	for (int twice = 0; twice < 2; twice++) {
		crypto_hmac(got, key, macs[_i].text, strlen(macs[_i].text));
		ck_assert_mem_eq(got, want, sizeof want);
	}
}
END_TEST

/* RFC 5869 in words: extract under a key of zeros, expand one block. */
START_TEST(derive_is_hkdf)
{
	static const unsigned char zeros[KEY_SIZE];
	unsigned char key[KEY_SIZE], prk[SHA256_SIZE];
	unsigned char want[SHA256_SIZE], got[KEY_SIZE];

	memset(key, 0x0b, sizeof key);
	crypto_hmac(prk, zeros, key, sizeof key);
	crypto_hmac(want, prk, "refresh\1", 8);
	crypto_derive(got, key, "refresh");
	ck_assert_mem_eq(got, want, sizeof want);
	crypto_derive(got, key, "limit");
	ck_assert_mem_ne(got, want, sizeof want);
}
END_TEST

START_TEST(random_differs)
{
	unsigned char a[16] = { 0 }, b[16] = { 0 };

	crypto_random(a, sizeof a);
	crypto_random(b, sizeof b);
	ck_assert_mem_ne(a, b, sizeof a);
	crypto_random(a, 0);
}
END_TEST

START_TEST(equal_sees_every_byte)
{
	unsigned char a[32], b[32];

	memset(a, 7, sizeof a);
	memset(b, 7, sizeof b);
	ck_assert(crypto_equal(a, b, sizeof a));
	for (size_t i = 0; i < sizeof b; i++) {
		b[i] ^= 0x80;
		ck_assert(!crypto_equal(a, b, sizeof a));
		b[i] ^= 0x80;
	}
	ck_assert(crypto_equal(a, "", 0));
}
END_TEST

static const char *const sealed_texts[] = { "", "x", "a longer text to seal" };

START_TEST(seal_opens_with_the_same_key_and_context_only)
{
	const char *text = sealed_texts[_i];
	size_t n = strlen(text), sealed = n + SEAL_OVERHEAD;
	unsigned char key[KEY_SIZE] = { 1 }, other[KEY_SIZE] = { 2 };
	unsigned char box[64], out[64];

	crypto_seal(box, key, "kid ES256", text, n);
	ck_assert(crypto_unseal(out, key, "kid ES256", box, sealed));
	ck_assert_mem_eq(out, text, n);
	ck_assert(!crypto_unseal(out, other, "kid ES256", box, sealed));
	ck_assert(!crypto_unseal(out, key, "kid ES512", box, sealed));
	ck_assert(!crypto_unseal(out, key, "kid ES256", box, sealed - 1));
	ck_assert(!crypto_unseal(out, key, "kid ES256", box, 27));
	ck_assert(!crypto_unseal(out, key, "kid ES256", box, 0));
	for (size_t i = 0; i < sealed; i++) {
		box[i] ^= 1;
		ck_assert(!crypto_unseal(out, key, "kid ES256", box, sealed));
		box[i] ^= 1;
	}
}
END_TEST

START_TEST(seals_of_one_text_differ)
{
	unsigned char key[KEY_SIZE] = { 1 }, a[32], b[32];

	crypto_seal(a, key, "", "text", 4);
	crypto_seal(b, key, "", "text", 4);
	ck_assert_mem_ne(a, b, 12);
}
END_TEST

/* SubjectPublicKeyInfo of a P-256 point, up to its coordinates. */
#define P256 "3059301306072a8648ce3d020106082a8648ce3d03010703420004"

/* RFC 7515, appendix A.3: x, y, r and s in base64url. */
static const char *const jws_x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char *const jws_y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char *const jws_signature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
    "lSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char jws_input[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
    "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

static struct es256 *
jws_key(unsigned char der[91])
{
	size_t n = unhex(der, 91, P256);

	ck_assert_int_eq(base64url_decode(der + n, 32, jws_x, 43), 32);
	ck_assert_int_eq(base64url_decode(der + n + 32, 32, jws_y, 43), 32);
	return es256_read_public(der, 91);
}

START_TEST(es256_verifies_the_standards_signature)
{
	unsigned char der[91], sig[ES256_SIGNATURE], x[32], y[32];
	struct es256 *k = jws_key(der);

	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(base64url_decode(sig, sizeof sig, jws_signature,
			     strlen(jws_signature)),
	    ES256_SIGNATURE);
	ck_assert(es256_verify(k, sig, jws_input, strlen(jws_input)));
	ck_assert(!es256_verify(k, sig, jws_input, strlen(jws_input) - 1));
	es256_point(k, x, y);
	ck_assert_mem_eq(x, der + 27, 32);
	ck_assert_mem_eq(y, der + 59, 32);
	es256_free(&k);
	ck_assert_ptr_null(k);
	es256_free(&k);
}
END_TEST

START_TEST(es256_refuses_points_off_the_curve_and_trailing_bytes)
{
	unsigned char der[92] = { 0 };
	struct es256 *k = jws_key(der);

	es256_free(&k);
	ck_assert_ptr_null(es256_read_public(der, 92));
	ck_assert_ptr_null(es256_read_public(der, 90));
	der[90] ^= 1;
	ck_assert_ptr_null(es256_read_public(der, 91));
}
END_TEST

START_TEST(es256_signs_what_it_verifies)
{
	struct es256 *k = es256_generate(), *other = es256_generate();
	unsigned char sig[ES256_SIGNATURE], zero[ES256_SIGNATURE] = { 0 };

	/* Often enough for short r and s, which DER writes shorter. */
	for (int i = 0; i < 300; i++) {
		es256_sign(k, sig, "text", 4);
		ck_assert(es256_verify(k, sig, "text", 4));
	}
	ck_assert(!es256_verify(k, sig, "Text", 4));
	ck_assert(!es256_verify(other, sig, "text", 4));
	ck_assert(!es256_verify(k, zero, "text", 4));
	memset(sig, 0xff, sizeof sig);
	ck_assert(!es256_verify(k, sig, "text", 4));
	es256_free(&k);
	es256_free(&other);
}
END_TEST

START_TEST(es256_keys_survive_their_der)
{
	struct arena *mem = arena_new(1 << 16);
	struct es256 *k = es256_generate(), *private, *public;
	unsigned char sig[ES256_SIGNATURE], *der;
	size_t n;

	der = es256_write_private(k, mem, &n);
	private = es256_read_private(der, n);
	ck_assert_ptr_nonnull(private);
	ck_assert_ptr_null(es256_read_private(der, n - 1));
	ck_assert_ptr_null(es256_read_public(der, n));
	der = es256_write_public(k, mem, &n);
	ck_assert_uint_eq(n, 91);
	public = es256_read_public(der, n);
	ck_assert_ptr_nonnull(public);
	ck_assert_ptr_null(es256_read_private(der, n));

	es256_sign(private, sig, "text", 4);
	ck_assert(es256_verify(public, sig, "text", 4));
	es256_free(&k);
	es256_free(&private);
	es256_free(&public);
	arena_free(&mem);
}
END_TEST

static const struct {
	bool is_private;
	const char *hex;
} foreign_keys[] = {
	/* P-384 */
	{ false,
	    "3076301006072a8648ce3d020106052b81040022036200046f6de5b88aec3b"
	    "10b27a4c19f55b262813513c8578a2f1ef23ef642dd30fd8927841cc61bb9a"
	    "638fd5d23fe42cdacded526f4cc62755468c6a6d5ef4fb808dab0f3b1bac61"
	    "53307e9f96742b199dc5e7338dc99d55bce1c45574ddb9c38884c2" },
	/* Ed25519 (RFC 8410) */
	{ true,
	    "302e020100300506032b6570042204200f5c0c1fbdeae183b87bea5fc7280"
	    "9077add14462f625969c5fa750d6438a9c8" },
	{ false, "" },
	{ true, "" },
	{ true, "3000" },
};

START_TEST(es256_reads_no_other_keys)
{
	unsigned char der[200];
	size_t n = unhex(der, sizeof der, foreign_keys[_i].hex);

	ck_assert_ptr_null(foreign_keys[_i].is_private ?
		es256_read_private(der, n) :
		es256_read_public(der, n));
}
END_TEST

/* What a child of a warm process draws. */
static void
draw_in_child(unsigned char out[KEY_SIZE])
{
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		crypto_random(out, KEY_SIZE);
		_exit(write(fds[1], out, KEY_SIZE) != KEY_SIZE);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(fds[0], out, KEY_SIZE), KEY_SIZE);
	close(fds[0]);
	close(fds[1]);
}

START_TEST(children_of_a_warm_process_draw_their_own_numbers)
{
	unsigned char one[KEY_SIZE], other[KEY_SIZE], own[KEY_SIZE];

	crypto_warm();
	draw_in_child(one);
	draw_in_child(other);
	crypto_random(own, sizeof own);
	ck_assert_mem_ne(one, other, KEY_SIZE);
	ck_assert_mem_ne(one, own, KEY_SIZE);
	ck_assert_mem_ne(other, own, KEY_SIZE);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "sha256", sha256_is_the_standards, ROWS(digests) },
		{ "hmac", hmac_is_the_standards, ROWS(macs) },
		{ "hkdf", derive_is_hkdf, 0 },
		{ "random", random_differs, 0 },
		{ "warm", children_of_a_warm_process_draw_their_own_numbers,
		    0 },
		{ "equal", equal_sees_every_byte, 0 },
		{ "seal", seal_opens_with_the_same_key_and_context_only,
		    ROWS(sealed_texts) },
		{ "seal nonce", seals_of_one_text_differ, 0 },
		{ "es256 standard", es256_verifies_the_standards_signature, 0 },
		{ "es256 point",
		    es256_refuses_points_off_the_curve_and_trailing_bytes, 0 },
		{ "es256 sign", es256_signs_what_it_verifies, 0 },
		{ "es256 der", es256_keys_survive_their_der, 0 },
		{ "es256 foreign", es256_reads_no_other_keys,
		    ROWS(foreign_keys) },
	};

	return test_main("crypto", suite, ROWS(suite));
}
