/* SPDX-License-Identifier: ISC */
/*
 * From what happened to what the client reads: the one place that gives an
 * enum err its status, its sentence and its code.  Clients match on them
 * (docs/api.md), so a row is never changed, only added.
 */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "handlers/gate.h"
#include "handlers/page.h"
#include "platform/json.h"

#define RETRY_AFTER_OUTAGE 2 /* seconds */

static const struct answer {
	int status;
	const char *sentence, *code;
} answers[] = {
	[ERR_NOT_FOUND] = { 404, "Not found", NULL },
	[ERR_METHOD] = { 405, "Method not allowed", "method_not_allowed" },
	[ERR_WRONG_POOL] = { 503, "Service temporarily unavailable",
	    "wrong_pool" },
	[ERR_ORIGIN] = { 403, "This request came from another site",
	    "foreign_origin" },
	[ERR_CONTENT_TYPE] = { 400, "Content-Type must be application/json",
	    "unsupported_content_type" },
	[ERR_TOO_LARGE] = { 413, "Request body must be at most 16 KiB",
	    "body_too_large" },
	[ERR_BODY_CUT] = { 400,
	    "Request body does not have its declared length",
	    "body_length_mismatch" },
	[ERR_JSON] = { 400, "Request body must be valid JSON",
	    "malformed_json" },
	[ERR_JSON_DEPTH] = { 400, "JSON must be at most 16 levels deep",
	    "json_too_deep" },
	[ERR_FORM] = { 400, "Request body must be a valid form",
	    "malformed_form" },
	[ERR_NOT_OBJECT] = { 400, "Request body must be a JSON object",
	    "json_not_object" },
	[ERR_FIELD_TYPE] = { 400, "A field has the wrong type",
	    "invalid_field_type" },
	[ERR_NEED_CREDENTIALS] = { 400, "Email and password are required",
	    "missing_fields" },
	[ERR_NEED_EMAIL] = { 400, "Email is required", "missing_fields" },
	[ERR_NEED_RESET] = { 400, "Token and new password are required",
	    "missing_fields" },
	[ERR_NEED_CHANGE] = { 400, "Current and new password are required",
	    "missing_fields" },
	[ERR_NEED_VERIFICATION] = { 400, "Verification token is required",
	    "missing_fields" },
	[ERR_NEED_CURRENT] = { 400, "Current password is required",
	    "missing_fields" },
	[ERR_NEED_NEW_EMAIL] = { 400,
	    "Current password and new email are required", "missing_fields" },
	[ERR_EMAIL_FORMAT] = { 400, "Invalid email format", "invalid_email" },
	[ERR_PASSWORD_SHORT] = { 400, "Password must be at least 8 characters",
	    "password_too_short" },
	[ERR_PASSWORD_LONG] = { 400, "Password must be at most 511 bytes",
	    "password_too_long" },
	[ERR_EMAIL_TAKEN] = { 409, "Email already registered", "email_taken" },
	[ERR_EMAIL_SAME] = { 400, "The account has this email already",
	    "email_unchanged" },
	[ERR_CREDENTIALS] = { 401, "Invalid credentials",
	    "invalid_credentials" },
	[ERR_UNVERIFIED] = { 403,
	    "Please verify your email address before logging in",
	    "email_not_verified" },
	[ERR_DISABLED] = { 403, "This account is disabled",
	    "account_disabled" },
	[ERR_NO_SESSION] = { 404, "Session not found", "session_not_found" },
	[ERR_SIGNED_OUT] = { 401, "Authorization token is missing",
	    "token_missing" },
	[ERR_TOKEN_MISSING] = { 401, "Authorization token is missing",
	    "token_missing" },
	[ERR_TOKEN_INVALID] = { 401, "Invalid token", "invalid_token" },
	[ERR_TOKEN_EXPIRED] = { 401, "Token has expired", "token_expired" },
	[ERR_RESET_TOKEN] = { 400, "Invalid or expired reset token",
	    "invalid_reset_token" },
	[ERR_VERIFICATION_TOKEN] = { 400,
	    "Invalid or expired verification token",
	    "invalid_verification_token" },
	[ERR_ADDRESS_TOKEN] = { 400, "Invalid or expired link",
	    "invalid_address_token" },
	[ERR_LIMITED] = { 429, "Too many requests, please try again later",
	    "rate_limited" },
	[ERR_UNAVAILABLE] = { 503, "Service temporarily unavailable",
	    "unavailable" },
	[ERR_INTERNAL] = { 500, "Internal error", "internal_error" },
};

/* RFC 6585; the IETF's RateLimit header fields. */
static void
add_headers(struct call *c, int status)
{
	const struct limit_refusal *r = &c->refusal;

	if (status == 503)
		response_headerf(c->res, "Retry-After", "%d",
		    RETRY_AFTER_OUTAGE);
	if (status != 429)
		return;
	response_headerf(c->res, "Retry-After", "%" PRId64, r->retry_after);
	response_headerf(c->res, "RateLimit-Policy",
	    "\"%s\";q=%" PRId64 ";w=%" PRId64, r->name, r->count, r->period);
	response_headerf(c->res, "RateLimit", "\"%s\";r=0;t=%" PRId64, r->name,
	    r->retry_after);
}

static void
answer_error_json(struct call *c, enum err e, const struct answer *a)
{
	struct json *body = json_object();

	json_put_string(body, "error", a->sentence);
	if (a->code != NULL)
		json_put_string(body, "code", a->code);
	if (e == ERR_UNVERIFIED) {
		json_put_string(body, "action", "resend_verification");
		json_put_string(body, "email", c->address);
	}
	response_json(c->res, a->status, &body);
}

/* Which page of the catalogue tells of a status. */
static const char *
page_key(const struct answer *a)
{
	switch (a->status) {
	case 403:
		return "page.foreign_origin";
	case 404:
		return "page.not_found";
	case 429:
		return "page.limited";
	case 500:
		return "page.internal";
	case 503:
		return "page.unavailable";
	default:
		return "page.bad_request";
	}
}

static void
answer_error_page(struct call *c, const struct answer *a)
{
	enum err e = page_error(c, a->status, page_key(a));

	must(e == OK);
}

/* To the sign-in, and back here afterwards. */
static void
send_to_login(struct call *c)
{
	response_see_other(c->res,
	    arena_printf(c->u->mem, "/login?next=%s", c->route->path));
}

/* Pages answer with pages; the API with JSON, whoever asks; and what is not
 * there with what the client wants. */
static bool
wants_page(const struct call *c, enum err e)
{
	if (c->route == NULL)
		return request_wants_html(c->req);
	if (!route_is_page(c->route))
		return false;
	return e != ERR_NOT_FOUND || request_wants_html(c->req);
}

void
answer_error(struct call *c, enum err e)
{
	const struct answer *a = &answers[e];

	must(e != OK && a->status != 0);
	if (e == ERR_SIGNED_OUT && wants_page(c, e)) {
		send_to_login(c);
		return;
	}
	add_headers(c, a->status);
	if (wants_page(c, e))
		answer_error_page(c, a);
	else
		answer_error_json(c, e, a);
	if (c->req->gate.on)
		gate_refuse(c);
}

enum err
answer_message(struct call *c, const char *message)
{
	struct json *body = json_object();

	json_put_string(body, "message", message);
	response_json(c->res, 200, &body);
	return OK;
}

enum err
answer_tokens(struct call *c, struct json **body, const struct token_pair *pair)
{
	json_put_string(*body, "access_token", pair->access);
	json_put_string(*body, "refresh_token", pair->refresh);
	json_put_string(*body, "token_type", "Bearer");
	json_put_int(*body, "expires_in", pair->access_seconds);
	json_put_int(*body, "refresh_expires_in", pair->refresh_seconds);
	response_json(c->res, 200, body);
	return OK;
}
