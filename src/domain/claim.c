/* SPDX-License-Identifier: ISC */
/* Claim cookies. */
#include "domain/claim.h"

#include <string.h>

#include "platform/crypto.h"

#define VERSION 1
#define AT_TAG (1 + 16)

void
claim_write(const struct key_ring *keys, const struct uuid *account,
    char out[CLAIM_TEXT])
{
	unsigned char raw[CLAIM_RAW] = { VERSION };

	memcpy(raw + 1, account->b, sizeof account->b);
	crypto_hmac(raw + AT_TAG, keys->claim, raw, AT_TAG);
	base64url_encode(out, raw, sizeof raw);
}

bool
claim_holds(const struct key_ring *keys, const struct uuid *account,
    const char *text)
{
	char want[CLAIM_TEXT];

	claim_write(keys, account, want);
	return strlen(text) == CLAIM_TEXT - 1 &&
	    crypto_equal(text, want, CLAIM_TEXT - 1);
}
