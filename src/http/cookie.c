/* SPDX-License-Identifier: ISC */
#include "http/cookie.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "http/response.h"

/*
 * The __Host- prefix makes browsers promise what a server cannot see: that
 * this host itself set the cookie, over TLS, for all of its paths.  So no
 * other host of the domain can plant one of ours.
 */
#define HOST_PREFIX "__Host-"

static bool
is_cookie_octet(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("\",;\\", c) == NULL;
}

static const char *
prefix(bool local_http)
{
	return local_http ? "" : HOST_PREFIX;
}

/* The value in the pair "name=value" when the name is this one. */
static const char *
pair_value(const char *pair, const char *pre, const char *name)
{
	if (strncmp(pair, pre, strlen(pre)) != 0)
		return NULL;
	pair += strlen(pre);
	if (strncmp(pair, name, strlen(name)) != 0)
		return NULL;
	pair += strlen(name);
	return *pair == '=' ? pair + 1 : NULL;
}

const char *
cookie_get(struct arena *mem, const char *header, const char *name,
    bool local_http)
{
	const char *value;
	size_t n;

	while (header != NULL) {
		header += strspn(header, " \t");
		value = pair_value(header, prefix(local_http), name);
		if (value != NULL) {
			n = strcspn(value, "; \t");
			return arena_memdup(mem, value, n);
		}
		header = strchr(header, ';');
		if (header != NULL)
			header++;
	}
	return NULL;
}

void
cookie_set(struct response *res, const char *name, const char *value,
    int64_t max_age, bool local_http)
{
	for (const char *c = value; *c != '\0'; c++)
		must(is_cookie_octet((unsigned char)*c));
	must(max_age >= 0);
	response_headerf(res, "Set-Cookie",
	    "%s%s=%s; Path=/; Max-Age=%" PRId64 "%s; HttpOnly; SameSite=Lax",
	    prefix(local_http), name, value, max_age,
	    local_http ? "" : "; Secure");
}
