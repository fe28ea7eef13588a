/* SPDX-License-Identifier: ISC */
#include "http/bearer.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/*
 * The grammar is RFC 6750's "Bearer" 1*SP b64token, and the scheme ends where
 * a token of RFC 9110 ends: "Bearers x" is another scheme, "Bearer" alone and
 * "Bearer,x" are broken ones of ours.
 */
#define SCHEME "Bearer"
#define ALNUM                                                                  \
	"abcdefghijklmnopqrstuvwxyz"                                           \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                           \
	"0123456789"
#define TCHAR ALNUM "!#$%&'*+-.^_`|~"
#define B64TOKEN ALNUM "-._~+/"

static bool
is_b64token(const char *s)
{
	size_t n = strspn(s, B64TOKEN);

	return n > 0 && s[n + strspn(s + n, "=")] == '\0';
}

enum err
bearer_token(const char *header, const char **token)
{
	const char *rest;

	if (header == NULL || strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return ERR_TOKEN_MISSING;
	rest = header + strlen(SCHEME);
	if (*rest != '\0' && strchr(TCHAR, *rest) != NULL)
		return ERR_TOKEN_MISSING;
	if (*rest != ' ')
		return ERR_TOKEN_INVALID;
	rest += strspn(rest, " ");
	if (!is_b64token(rest))
		return ERR_TOKEN_INVALID;
	*token = rest;
	return OK;
}
