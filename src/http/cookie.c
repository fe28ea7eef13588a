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

/* For a cookie that the hosts of one domain share: over TLS at least. */
#define SECURE_PREFIX "__Secure-"

static bool
is_cookie_octet(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("\",;\\", c) == NULL;
}

static const char *
own_prefix(bool local_http)
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

/* The value of the cookie called prefix and name, in mem; or NULL. */
static const char *
find(struct arena *mem, const char *header, const char *prefix,
    const char *name)
{
	const char *value;

	while (header != NULL) {
		header += strspn(header, " \t");
		value = pair_value(header, prefix, name);
		if (value != NULL)
			return arena_memdup(mem, value, strcspn(value, "; \t"));
		header = strchr(header, ';');
		if (header != NULL)
			header++;
	}
	return NULL;
}

const char *
cookie_get(struct arena *mem, const char *header, const char *name,
    bool local_http)
{
	return find(mem, header, own_prefix(local_http), name);
}

const char *
cookie_get_shared(struct arena *mem, const char *header, const char *name)
{
	return find(mem, header, SECURE_PREFIX, name);
}

static void
check(const char *value, int64_t max_age)
{
	for (const char *c = value; *c != '\0'; c++)
		must(is_cookie_octet((unsigned char)*c));
	must(max_age >= 0);
}

void
cookie_set(struct response *res, const char *name, const char *value,
    int64_t max_age, bool local_http)
{
	check(value, max_age);
	response_headerf(res, "Set-Cookie",
	    "%s%s=%s; Path=/; Max-Age=%" PRId64 "%s; HttpOnly; SameSite=Lax",
	    own_prefix(local_http), name, value, max_age,
	    local_http ? "" : "; Secure");
}

void
cookie_set_shared(struct response *res, const char *name, const char *value,
    int64_t max_age, const char *domain)
{
	check(value, max_age);
	check(domain, max_age);
	response_headerf(res, "Set-Cookie",
	    SECURE_PREFIX "%s=%s; Domain=%s; Path=/; Max-Age=%" PRId64
			  "; Secure; HttpOnly; SameSite=Lax",
	    name, value, domain, max_age);
}
