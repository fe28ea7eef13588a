/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_MAIL_KIND_H
#define DOMAIN_MAIL_KIND_H

#include <stdbool.h>

#include "domain/one_time_token.h"

/*
 * The mails there are, and what each one is.  A new one is a value and a row
 * here, its word in the CHECK of mail_outbox, and its templates in the table
 * of render/template.c.
 */
enum mail_kind {
	MAIL_VERIFY,           /* verification link */
	MAIL_RESET,            /* reset link */
	MAIL_PASSWORD_CHANGED, /* notice */
	/* The rest is queued by the very statement that finds the reason,
	 * never by outbox_put(). */
	MAIL_SESSION_STOLEN,     /* notice */
	MAIL_ADDRESS_TAKEN,      /* to who has it, in place of an answer */
	MAIL_CONFIRM_ADDRESS,    /* link, to an address that is asked for */
	MAIL_ADDRESS_CHANGED,    /* link that takes it back, to the former */
	MAIL_ADDRESS_TAKEN_BACK, /* notice, to who had it last */
	MAIL_ACCOUNT_DELETED,    /* notice, to an account that is gone */
	MAIL_KINDS,
};

struct mail_kind_row {
	const char *name;           /* the database's word; its templates */
	enum token_purpose purpose; /* of its link's token; or TOKEN_NONE */
	const char *path;           /* where its link leads; NULL: no link */
};

/* One row a kind. */
extern const struct mail_kind_row mail_kinds[MAIL_KINDS];

/* The kind of that name; false when there is none. */
bool mail_kind_by_name(enum mail_kind *kind, const char *name);

#endif
