/* SPDX-License-Identifier: ISC */
/*
 * Which language to talk in.  The header is a visitor's to write, so a part
 * of it that is malformed counts as not there, and nothing is refused.
 */
#include "render/language.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

#define TAG_MOST 35    /* what RFC 5646 section 4.4.1 wants to have room */
#define RANGES_MOST 32 /* of a header that are looked at */
#define BLANKS " \t"

static const char *const tags[] = {
	[LANGUAGE_EN] = "en",
	[LANGUAGE_DE] = "de",
};

static const char *const names[] = {
	[LANGUAGE_EN] = "English",
	[LANGUAGE_DE] = "Deutsch",
};

const char *
language_tag(enum language l)
{
	must(l < LANGUAGES);
	return tags[l];
}

const char *
language_name(enum language l)
{
	must(l < LANGUAGES);
	return names[l];
}

/* The n bytes of a tag with what follows the last hyphen cut off, and with
 * it a single letter before (RFC 4647 section 3.4). */
static size_t
shorten(const char *tag, size_t n)
{
	while (n > 0 && tag[n - 1] != '-')
		n--;
	if (n > 0)
		n--;
	if (n > 1 && tag[n - 2] == '-')
		n -= 2;
	return n;
}

static bool
find(enum language *l, const char *tag, size_t n)
{
	if (n > TAG_MOST)
		return false;
	for (; n > 0; n = shorten(tag, n)) {
		for (int i = 0; i < LANGUAGES; i++) {
			if (strlen(tags[i]) != n ||
			    strncasecmp(tags[i], tag, n) != 0)
				continue;
			*l = (enum language)i;
			return true;
		}
	}
	return false;
}

bool
language_parse(enum language *l, const char *tag)
{
	return find(l, tag, strlen(tag));
}

/* Thousandths of a qvalue, "0.7" (RFC 9110 section 12.4.2); -1 for none. */
static int
read_quality(const char *s, size_t n)
{
	int quality = 0, worth = 1000;

	if (n == 0 || n > 5 || (s[0] != '0' && s[0] != '1'))
		return -1;
	if (n > 1 && s[1] != '.')
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (i == 1)
			continue;
		if (s[i] < '0' || s[i] > '9')
			return -1;
		quality += (s[i] - '0') * worth;
		worth /= 10;
	}
	return quality <= 1000 ? quality : -1;
}

/* One element of the field: a range, with a weight or without. */
struct range {
	const char *tag;
	size_t n;
	int quality; /* thousandths; -1 where it is malformed */
};

/* The element that *s begins with; *s moves to the next. */
static struct range
take_range(const char **s)
{
	struct range r = { .quality = 1000 };
	size_t whole = strcspn(*s, ","), at;
	const char *end = *s + whole, *weight;

	r.tag = *s + strspn(*s, BLANKS ",");
	if (r.tag > end)
		end = r.tag + strcspn(r.tag, ",");
	r.n = strcspn(r.tag, BLANKS ",;");
	weight = r.tag + r.n + strspn(r.tag + r.n, BLANKS);
	*s = *end == ',' ? end + 1 : end;
	if (weight >= end)
		return r;
	at = 1 + strspn(weight + 1, BLANKS);
	r.quality = -1;
	if (*weight != ';' || strncasecmp(weight + at, "q=", 2) != 0)
		return r;
	weight += at + 2;
	while (end > weight && strchr(BLANKS, end[-1]) != NULL)
		end--;
	r.quality = read_quality(weight, (size_t)(end - weight));
	return r;
}

enum language
language_choose(const char *accept_language, const char *chosen)
{
	enum language best = LANGUAGE_EN, l;
	int quality = 0;

	if (chosen != NULL && language_parse(&l, chosen))
		return l;
	if (accept_language == NULL)
		return LANGUAGE_EN;
	for (int i = 0; i < RANGES_MOST && *accept_language != '\0'; i++) {
		struct range r = take_range(&accept_language);

		/* The first of equals is preferred; "*" is any, so ours. */
		if (r.quality <= quality)
			continue;
		if (r.n == 1 && *r.tag == '*')
			l = LANGUAGE_EN;
		else if (!find(&l, r.tag, r.n))
			continue;
		best = l;
		quality = r.quality;
	}
	return best;
}
