/* SPDX-License-Identifier: ISC */
/*
 * Access tokens (JWT): nothing passes that our key has not signed, and of
 * what it has signed only a token with our claims, unchanged, in its time.
 * An input is a header and a payload with a line end between them.
 */
#include "domain/access_token.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "tests/fuzz/fuzz.h"

#define SITE "https://login.example.org"
#define NOW 1800000000

static const struct config config = { .public_url = SITE };
static struct signing_keys *keys;
static struct es256 *ours, *strange;

static void
set_up(void)
{
	if (keys != NULL)
		return;
	conf = &config;
	ours = es256_generate();
	strange = es256_generate();
	keys = signing_keys_new();
	signing_keys_add(keys, "ours", ours, true);
}

/* The compact form of any header and payload, signed by key. */
static const char *
sign(struct arena *mem, const char *header, size_t header_len,
    const char *payload, size_t payload_len, const struct es256 *key)
{
	unsigned char sig[ES256_SIGNATURE];
	char s[BASE64URL_SIZE(ES256_SIGNATURE)];
	char *h = arena_alloc(mem, BASE64URL_SIZE(header_len));
	char *p = arena_alloc(mem, BASE64URL_SIZE(payload_len));
	char *input;

	base64url_encode(h, header, header_len);
	base64url_encode(p, payload, payload_len);
	input = arena_printf(mem, "%s.%s", h, p);
	es256_sign(key, sig, input, strlen(input));
	base64url_encode(s, sig, sizeof sig);
	return arena_printf(mem, "%s.%s", input, s);
}

/* A token that passed is over when its time has come. */
static void
judge_time(struct unit *u, const char *text, const struct access_token *t)
{
	struct access_token later;

	must(t->expires > NOW - ACCESS_TOKEN_SKEW);
	if (t->expires > INT64_MAX - ACCESS_TOKEN_SKEW)
		return;
	u->now = t->expires + ACCESS_TOKEN_SKEW;
	must(access_token_verify(u, text, &later) == ERR_TOKEN_EXPIRED);
	u->now = NOW;
}

static void
judge_signed(struct unit *u, const char *text, const uint8_t *data, size_t size)
{
	struct access_token t;
	const char *changed = fuzz_overwrite(u->mem, text, data, size);

	if (access_token_verify(u, text, &t) == OK)
		judge_time(u, text, &t);
	if (strcmp(changed, text) != 0)
		must(access_token_verify(u, changed, &t) == ERR_TOKEN_INVALID);
}

/* A genuine token with the input written over it. */
static void
judge_genuine(struct unit *u, const uint8_t *data, size_t size)
{
	struct access_token in = { .expires = NOW + 900 }, out;
	const char *text, *changed;

	must(access_token_sign(u, &in, &text) == OK);
	changed = fuzz_overwrite(u->mem, text, data, size);
	must((access_token_verify(u, changed, &out) == OK) ==
	    (strcmp(changed, text) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unit u = { .mem = fuzz_arena(), .now = NOW };
	const char *text = arena_memdup(u.mem, data, size);
	const char *end = memchr(text, '\n', size);
	struct access_token t;

	set_up();
	u.signing = keys;
	must(access_token_verify(&u, text, &t) == ERR_TOKEN_INVALID);
	judge_genuine(&u, data, size);
	if (end != NULL) {
		size_t n = (size_t)(end - text), rest = size - n - 1;
		const char *by_us = sign(u.mem, text, n, end + 1, rest, ours);
		const char *forged =
		    sign(u.mem, text, n, end + 1, rest, strange);

		judge_signed(&u, by_us, data, size);
		must(access_token_verify(&u, forged, &t) == ERR_TOKEN_INVALID);
	}
	return 0;
}
