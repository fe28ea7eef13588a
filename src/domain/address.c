/* SPDX-License-Identifier: ISC */
#include "domain/address.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "platform/idn.h"

/*
 * What an address may be.  Narrower than RFC 5321 on purpose: no quoted
 * local parts, no address literals and no local parts beyond ASCII, all of
 * which a relay may not take.  What comes out of IDNA is checked again, since
 * the library lets empty labels pass and maps foreign full stops to dots.
 */
#define LOCAL_MAX 64
#define LABEL_MAX 63
#define TYPED_MAX                                                              \
	1016 /* 4 * ADDRESS_MAX: no A-label form of more bytes fits            \
	      */

static bool
is_blank(char c)
{
	return c != '\0' && strchr(" \t\n\v\f\r", c) != NULL;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Not ctype.h: that asks the locale. */
static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 section 3.2.3. */
static bool
is_atext(char c)
{
	return is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Dot-string of RFC 5321: no dot at an end, no two in a row. */
static bool
is_local(const char *s, size_t n)
{
	if (n == 0 || n > LOCAL_MAX || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' ? i == 0 || s[i - 1] == '.' : !is_atext(s[i]))
			return false;
	}
	return true;
}

/* Letters, digits and hyphens, none of these at an end (RFC 1123). */
static bool
is_label(const char *s, size_t n)
{
	if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

/* At least two labels, the last not all digits (that would be IPv4). */
static bool
is_domain(const char *s)
{
	const char *dot;

	if (strchr(s, '.') == NULL)
		return false;
	for (; (dot = strchr(s, '.')) != NULL; s = dot + 1) {
		if (!is_label(s, (size_t)(dot - s)))
			return false;
	}
	return is_label(s, strlen(s)) && strspn(s, "0123456789") < strlen(s);
}

static char *
lower(char *s)
{
	for (char *p = s; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return s;
}

const char *
address_trim(struct arena *mem, const char *typed)
{
	size_t n;

	while (is_blank(*typed))
		typed++;
	for (n = strlen(typed); n > 0 && is_blank(typed[n - 1]); n--)
		;
	return arena_memdup(mem, typed, n);
}

enum err
address_parse(struct address *a, struct arena *mem, const char *typed)
{
	char domain[ADDRESS_MAX + 1];
	const char *text = address_trim(mem, typed);
	const char *at = strchr(text, '@');
	size_t local;

	if (at == NULL || strlen(text) > TYPED_MAX)
		return ERR_EMAIL_FORMAT;
	local = (size_t)(at - text);
	if (!is_local(text, local) ||
	    !idn_to_ascii(domain, sizeof domain, at + 1) ||
	    !is_domain(domain) || local + 1 + strlen(domain) > ADDRESS_MAX)
		return ERR_EMAIL_FORMAT;
	a->text = arena_printf(mem, "%.*s@%s", (int)local, text, domain);
	a->canonical = lower(arena_strdup(mem, a->text));
	return OK;
}
