/* SPDX-License-Identifier: ISC */
/* The table of the kinds of mails. */
#include "domain/mail_kind.h"

#include <string.h>

const struct mail_kind_row mail_kinds[MAIL_KINDS] = {
	[MAIL_VERIFY] = { "verify", TOKEN_VERIFY, "/verify-email" },
	[MAIL_RESET] = { "reset", TOKEN_RESET, "/reset-password" },
	[MAIL_PASSWORD_CHANGED] = { "password_changed", TOKEN_NONE, NULL },
	[MAIL_SESSION_STOLEN] = { "session_stolen", TOKEN_NONE, NULL },
	[MAIL_ADDRESS_TAKEN] = { "address_taken", TOKEN_NONE, "" },
	[MAIL_CONFIRM_ADDRESS] = { "confirm_address", TOKEN_CONFIRM,
	    "/confirm-email" },
	[MAIL_ADDRESS_CHANGED] = { "address_changed", TOKEN_TAKE_BACK,
	    "/take-back" },
	[MAIL_ADDRESS_TAKEN_BACK] = { "address_taken_back", TOKEN_NONE, NULL },
	[MAIL_ACCOUNT_DELETED] = { "account_deleted", TOKEN_NONE, NULL },
};

bool
mail_kind_by_name(enum mail_kind *kind, const char *name)
{
	for (int k = 0; k < MAIL_KINDS; k++) {
		if (strcmp(mail_kinds[k].name, name) == 0) {
			*kind = (enum mail_kind)k;
			return true;
		}
	}
	return false;
}
