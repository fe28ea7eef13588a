/* SPDX-License-Identifier: ISC */
/* POST /auth/verify-email and /auth/resend-verification */
#include "domain/account_verify.h"
#include "handlers/call.h"
#include "handlers/mail_request.h"

enum err
verify_email_post(struct call *c)
{
	bool already;
	enum err e;

	if ((e = account_verify(c->u, c->in.token, &already)) != OK)
		return e;
	return answer_message(c,
	    already ? "Email already verified" :
		      "Email verified successfully! You can now login.");
}

enum err
resend_verification_post(struct call *c)
{
	enum err e;

	e = mail_request_queue(c, MAIL_VERIFY, LIMIT_RESEND_MAILBOX);
	if (e != OK)
		return e;
	return answer_message(c,
	    "If an unverified account exists with this email, a verification"
	    " link has been sent.");
}
