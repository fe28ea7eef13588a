/* SPDX-License-Identifier: ISC */
/* The text form of refresh tokens, and the tag that makes them ours. */
#include "domain/refresh_token.h"

#include <string.h>

#include "base/must.h"
#include "platform/crypto.h"

#define PREFIX "prt_"
#define VERSION 1
#define KEY 1 /* which derivation of the key file made the tag */

enum offset {
	AT_ACCOUNT = 2,
	AT_SESSION = AT_ACCOUNT + 16,
	AT_GENERATION = AT_SESSION + 16,
	AT_SECRET = AT_GENERATION + 4,
	AT_TAG = AT_SECRET + SESSION_SECRET,
};

_Static_assert(AT_TAG + SHA256_SIZE == REFRESH_TOKEN_RAW, "layout");

void
refresh_token_write(const struct refresh_token *t, const struct key_ring *keys,
    char out[REFRESH_TOKEN_TEXT])
{
	unsigned char raw[REFRESH_TOKEN_RAW] = { VERSION, KEY };

	memcpy(raw + AT_ACCOUNT, t->account.b, 16);
	memcpy(raw + AT_SESSION, t->session.b, 16);
	put_be32(raw + AT_GENERATION, t->generation);
	memcpy(raw + AT_SECRET, t->secret, SESSION_SECRET);
	crypto_hmac(raw + AT_TAG, keys->refresh, raw, AT_TAG);
	for (size_t i = 0; i < strlen(PREFIX); i++)
		out[i] = PREFIX[i];
	base64url_encode(out + strlen(PREFIX), raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
}

bool
refresh_token_read(struct refresh_token *t, const struct key_ring *keys,
    const char *text)
{
	unsigned char raw[REFRESH_TOKEN_RAW], tag[SHA256_SIZE];
	bool ours;

	if (strlen(text) != REFRESH_TOKEN_TEXT - 1 ||
	    strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return false;
	text += strlen(PREFIX);
	if (base64url_decode(raw, sizeof raw, text, strlen(text)) !=
	    REFRESH_TOKEN_RAW)
		return false;
	crypto_hmac(tag, keys->refresh, raw, AT_TAG);
	ours = crypto_equal(tag, raw + AT_TAG, sizeof tag) &&
	    raw[0] == VERSION && raw[1] == KEY;
	if (ours) {
		memcpy(t->account.b, raw + AT_ACCOUNT, 16);
		memcpy(t->session.b, raw + AT_SESSION, 16);
		t->generation = get_be32(raw + AT_GENERATION);
		memcpy(t->secret, raw + AT_SECRET, SESSION_SECRET);
	}
	explicit_bzero(raw, sizeof raw);
	return ours;
}
