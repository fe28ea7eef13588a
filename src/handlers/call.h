/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_CALL_H
#define HANDLERS_CALL_H

#include "base/err.h"
#include "domain/address.h"
#include "domain/ratelimit.h"
#include "domain/session.h"
#include "domain/unit.h"
#include "http/request.h"
#include "http/response.h"
#include "render/language.h"

struct form;
struct json;
struct templates;

/*
 * The one header where HTTP and the domain meet: a route, and a call of it.
 *
 * A request goes router → input → guard → handler → answer.  The route's row
 * says what each of them demands, so that a handler starts with a request
 * that was judged: fields present and well-formed (c->in), the caller known
 * (c->session), the limit taken.
 */
enum pool {
	POOL_WEB,
	POOL_PASSWORD,
	POOL_BOTH, /* 404 and 405, and what either pool may answer */
};

enum access {
	ACCESS_PUBLIC,
	ACCESS_TOKEN,   /* a live access token as Bearer: c->session */
	ACCESS_BROWSER, /* a browser's live session, else to /login */
	ACCESS_EITHER, /* a token as Bearer or, without one, a browser's session
			*/
	ACCESS_VISITOR, /* anybody; c->signed_in tells of a live session */
};

/* What a request carries; handlers/input.c has the rules of each. */
enum input {
	INPUT_NONE,         /* a body is read, its size judged */
	INPUT_REGISTRATION, /* email, password: both strict */
	INPUT_LOGIN,        /* email, password: present */
	INPUT_EMAIL,        /* email: present */
	INPUT_VERIFICATION, /* token */
	INPUT_CHANGE,       /* current_password, new_password: strict;
			     * end_other_sessions, true unless said */
	INPUT_CHANGE_EMAIL, /* current_password, new_email: strict */
	INPUT_PROOF,        /* current_password */
	INPUT_LOGOUT_ALL,   /* keep_current, false unless said; no body
			     * will do */
	INPUT_RESET,        /* token, new_password: strict */

	/* Forms of pages (route_is_page()): a field that will not do is
	 * c->input_err, for the handler to show beside it, and spends nothing
	 * of a limit. */
	INPUT_PAGE,              /* no form; answers are pages */
	INPUT_FORM,              /* fields the handler judges: c->form */
	INPUT_FORM_REGISTRATION, /* email, password: both strict */
	INPUT_FORM_LOGIN,        /* email, password: present */
	INPUT_FORM_EMAIL,        /* email: present */
	INPUT_FORM_RESET,        /* new_password: strict */
	INPUT_FORM_CHANGE,       /* as INPUT_CHANGE; the flag is false where
				  * the form has none */
	INPUT_FORM_CHANGE_EMAIL, /* as INPUT_CHANGE_EMAIL */
	INPUT_FORM_PROOF,        /* as INPUT_PROOF */
	INPUTS,
};

/* Who may send an unsafe request (OWASP: CSRF). */
enum origin {
	ORIGIN_ANY,  /* carries its own proof, a token or a password */
	ORIGIN_OURS, /* a page's form: from public_url only */
};

struct fields {
	const char *email_typed;     /* without blanks at its ends */
	const struct address *email; /* NULL when it is none */
	const char *password;        /* or new_password */
	const char *token;
	const char *current; /* the present password */
	bool flag;           /* a boolean member, or what stands for it */
};

struct call {
	struct unit *u;
	const struct request *req;
	struct response *res;
	const struct templates *templates;
	const struct route *route;
	struct fields in;
	const char *argument;    /* what stands for {id} in the route's path */
	enum err input_err;      /* what a form's field was refused for */
	const struct form *form; /* of INPUT_FORM…; else NULL */
	enum language language;  /* of the answer, where it is a page */
	bool signed_in;          /* in a browser, by its cookie */
	struct session session;  /* of that, or of a Bearer */
	struct limit_refusal refusal; /* told with ERR_LIMITED */
	const char *address; /* the account's, told with ERR_UNVERIFIED */
};

struct route {
	enum method method;
	const char *path; /* exact, or ending in "{id}" */
	enum pool pool;
	enum access access;
	enum origin origin;
	enum input input;
	enum limit limit;
	enum err (*handle)(struct call *c);
};

/* THE table (routes.c), ended by a row without path. */
extern const struct route routes[];

/* Whether its answers are pages, refusals too; else it is of the API. */
bool route_is_page(const struct route *r);

/*
 * Serves the request in c->req from this pool: finds the route, judges,
 * handles, and fills c->res whatever happened.
 */
void router_serve(struct call *c, const struct route *table, enum pool pool);

/* Reads and judges the body as the route's row says, in the contract's
 * order; sets c->in. */
enum err input_read(struct call *c) MUST_USE;

/* Checks where it comes from, takes the route's limit, checks its access;
 * sets c->session. */
enum err guard_check(struct call *c) MUST_USE;

/* The tag of the language that the client asks for, to remember; NULL where
 * it does not say. */
const char *call_language(const struct call *c);

/* Fills c->res for e, which is not OK: JSON, or a page for a browser. */
void answer_error(struct call *c, enum err e);

/* A success that is a sentence: {"message": "…"}. */
enum err answer_message(struct call *c, const char *message) MUST_USE;

/* A success that hands out tokens: the members of pair join *body, which is
 * taken. */
enum err answer_tokens(struct call *c, struct json **body,
    const struct token_pair *pair) MUST_USE;

/* Changes the password as c->in says, for c->session: of API and page. */
enum err change_password(struct call *c) MUST_USE;

/* The same of a change of address, and of the account's end. */
enum err change_email(struct call *c) MUST_USE;
enum err delete_account(struct call *c) MUST_USE;

/* The handlers, one file a feature. */
enum err register_post(struct call *c) MUST_USE;
enum err login_post(struct call *c) MUST_USE;
enum err logout_post(struct call *c) MUST_USE;
enum err refresh_post(struct call *c) MUST_USE;
enum err forgot_password_post(struct call *c) MUST_USE;
enum err reset_password_post(struct call *c) MUST_USE;
enum err verify_email_post(struct call *c) MUST_USE;
enum err resend_verification_post(struct call *c) MUST_USE;
enum err check_get(struct call *c) MUST_USE;
enum err me_get(struct call *c) MUST_USE;
enum err sessions_get(struct call *c) MUST_USE;
enum err session_delete(struct call *c) MUST_USE;
enum err logout_all_post(struct call *c) MUST_USE;
enum err change_password_post(struct call *c) MUST_USE;
enum err change_email_post(struct call *c) MUST_USE;
enum err delete_account_post(struct call *c) MUST_USE;
enum err export_get(struct call *c) MUST_USE;
enum err jwks_get(struct call *c) MUST_USE;
enum err healthz_get(struct call *c) MUST_USE;
enum err readyz_get(struct call *c) MUST_USE;

/* The pages, each with its form. */
enum err brand_css_get(struct call *c) MUST_USE;
enum err home_page(struct call *c) MUST_USE;
enum err register_page(struct call *c) MUST_USE;
enum err register_page_post(struct call *c) MUST_USE;
enum err login_page(struct call *c) MUST_USE;
enum err login_page_post(struct call *c) MUST_USE;
enum err dashboard_page(struct call *c) MUST_USE;
enum err dashboard_page_post(struct call *c) MUST_USE;
enum err forgot_password_page(struct call *c) MUST_USE;
enum err forgot_password_page_post(struct call *c) MUST_USE;
enum err check_email_page(struct call *c) MUST_USE;
enum err check_email_page_post(struct call *c) MUST_USE;
enum err verify_email_page(struct call *c) MUST_USE;
enum err verify_email_page_post(struct call *c) MUST_USE;
enum err reset_password_page(struct call *c) MUST_USE;
enum err reset_password_page_post(struct call *c) MUST_USE;
enum err address_link_page(struct call *c) MUST_USE;
enum err address_link_page_post(struct call *c) MUST_USE;

/* The pages under /account/, for who is signed in. */
enum err account_page(struct call *c) MUST_USE;
enum err account_page_moved(struct call *c) MUST_USE;
enum err account_delete_page(struct call *c) MUST_USE;
enum err account_delete_page_post(struct call *c) MUST_USE;
enum err account_email_page(struct call *c) MUST_USE;
enum err account_email_page_post(struct call *c) MUST_USE;
enum err account_export_page(struct call *c) MUST_USE;
enum err account_language_page(struct call *c) MUST_USE;
enum err account_language_page_post(struct call *c) MUST_USE;
enum err account_password_page(struct call *c) MUST_USE;
enum err account_password_page_post(struct call *c) MUST_USE;
enum err account_sessions_page(struct call *c) MUST_USE;
enum err account_sessions_page_post(struct call *c) MUST_USE;

#endif
