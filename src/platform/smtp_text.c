/* SPDX-License-Identifier: ISC */
/*
 * Text on its way to an SMTP server, and from one: which addresses may go
 * out, and what of a server's words may come into our log.  A server repeats
 * freely what it was sent, so nothing that could be an address or a link is
 * kept.
 */
#include "platform/smtp.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_MOST 40 /* a longer word of the server's is not logged */

bool
smtp_address_ok(const char *address)
{
	const char *at = strchr(address, '@');

	if (at == NULL || at == address || at[1] == '\0' ||
	    strlen(address) > 254)
		return false;
	for (const char *p = address; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("<>()[],;:\\\"", *p))
			return false;
	return strchr(at + 1, '@') == NULL;
}

/*
 * Appends text to the result's words.  A word that has an '@' or a "://" in
 * it or is long may be an address or a link of ours that the server repeats,
 * and is left out.
 */
static void
tell(struct smtp_result *r, const char *text)
{
	size_t used = strlen(r->what);

	while (*text != '\0') {
		size_t n = strcspn(text, " \t\r\n");
		bool skip = n > WORD_MOST || memchr(text, '@', n) != NULL ||
		    memmem(text, n, "://", 3) != NULL;
		const char *word = skip ? "[...]" : text;
		size_t len = skip ? 5 : n;

		text += n;
		text += strspn(text, " \t\r\n");
		if (n == 0)
			continue;
		if (used + len + 2 > sizeof r->what)
			return;
		if (used > 0)
			r->what[used++] = ' ';
		for (size_t i = 0; i < len; i++, used++)
			r->what[used] =
			    (char)(isprint((unsigned char)word[i]) ? word[i] :
								     '?');
		r->what[used] = '\0';
	}
}

struct smtp_result
smtp_result(enum smtp_outcome outcome, const char *step, int code,
    const char *text)
{
	struct smtp_result r = { .outcome = outcome, .code = code };
	char number[16];

	tell(&r, step);
	if (code != 0) {
		(void)snprintf(number, sizeof number, "%d", code);
		tell(&r, number);
	}
	if (text != NULL)
		tell(&r, text);
	return r;
}
