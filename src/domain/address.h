/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ADDRESS_H
#define DOMAIN_ADDRESS_H

#include "base/err.h"

struct arena;

#define ADDRESS_MAX 254 /* octets, RFC 5321 with RFC 3696 erratum 1690 */

/*
 * An e-mail address.  text is what mail is sent to: the local part as typed
 * at the domain's A-labels.  canonical is what makes an account one: the
 * same in lower case (ASCII letters only; dots and plus signs stay).
 */
struct address {
	const char *text, *canonical;
};

/*
 * Reads typed: ASCII blanks at both ends are cut, the local part is an
 * RFC 5321 dot-atom of at most 64 octets, the domain goes through IDNA to
 * A-labels, at least two of them and none empty.  ERR_EMAIL_FORMAT.
 */
enum err address_parse(struct address *a, struct arena *mem,
    const char *typed) MUST_USE;

/* typed without blanks at its ends, in mem: "" if nothing else is there. */
const char *address_trim(struct arena *mem, const char *typed);

#endif
