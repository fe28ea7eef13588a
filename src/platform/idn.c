/* SPDX-License-Identifier: ISC */
#include "platform/idn.h"

#include <idn2.h>
#include <string.h>

/*
 * Domain names to A-labels.  Under IDN2_USE_STD3_ASCII_RULES libidn2 (2.3.3)
 * does not refuse what those rules forbid but leaves it out: "a_b.org" and
 * "a@b.org" would both become "ab.org", somebody else's domain.  So the flag
 * stays away, and the rules are applied to what comes out, where characters
 * that were mapped to forbidden ones show too.
 */
#define FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

/* Letters the library has folded, digits, hyphens and dots, nothing else. */
static bool
is_std3(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

bool
idn_to_ascii(char *out, size_t size, const char *domain)
{
	uint8_t *made = NULL;
	const char *ascii;
	bool fits;

	if (idn2_lookup_u8((const uint8_t *)domain, &made, FLAGS) != IDN2_OK)
		return false;
	ascii = (const char *)made;
	fits = is_std3(ascii) && strlen(ascii) < size;
	if (fits)
		memcpy(out, ascii, strlen(ascii) + 1);
	idn2_free(made);
	return fits;
}
