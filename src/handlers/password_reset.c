/* SPDX-License-Identifier: ISC */
/* POST /auth/forgot-password and /auth/reset-password */
#include "domain/account_reset.h"
#include "handlers/call.h"
#include "handlers/mail_request.h"

/*
 * Nothing here looks at an account: whatever was typed is queued, and the
 * mailer drops what belongs to nobody.
 */
enum err
forgot_password_post(struct call *c)
{
	enum err e;

	e = mail_request_queue(c, MAIL_RESET, LIMIT_FORGOT_MAILBOX);
	if (e != OK)
		return e;
	return answer_message(c,
	    "If an account exists with this email, you will receive a"
	    " password reset link");
}

enum err
reset_password_post(struct call *c)
{
	enum err e;

	e = account_reset_password(c->u, c->in.token, c->in.password);
	if (e != OK)
		return e;
	return answer_message(c, "Password reset successful");
}
