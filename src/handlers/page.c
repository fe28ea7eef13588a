/* SPDX-License-Identifier: ISC */
/* What pages share. */
#include "handlers/page.h"
#include "handlers/page_next.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/must.h"
#include "domain/one_time_token.h"
#include "http/cookie.h"
#include "http/form.h"
#include "platform/config.h"
#include "platform/json.h"
#include "render/device.h"
#include "render/mail.h"
#include "render/template.h"

#define SESSION_COOKIE "postern_session"
#define TOKEN_SECONDS 3600 /* as long as the shortest link is good */
#define DONE_SECONDS 600
#define MAILED_COOKIE "postern_mailed"
#define MAILED_SECONDS 600
#define MAILED_MAX 254 /* bytes of an address */

enum err
page_show(struct call *c, int status, const char *name, struct json **data)
{
	const char *html;
	size_t n;

	html = template_render(c->templates, c->u->mem, c->language, name,
	    *data, &n);
	json_free(data);
	response_page(c->res, status, html, n, conf->cookie_domain);
	response_header(c->res, "Content-Language", language_tag(c->language));
	response_header(c->res, "Vary", "Accept-Language, Cookie");
	return OK;
}

const char *
page_text(const struct call *c, const char *key)
{
	return templates_text(c->templates, c->language, key);
}

/* A text of the message that is called key: its title, its message … */
static const char *
part(const struct call *c, const char *key, const char *name)
{
	return page_text(c, arena_printf(c->u->mem, "%s.%s", key, name));
}

struct message {
	const char *key, *text;
	const char *link; /* or NULL */
	const char *label, *wait;
};

static enum err
show_message(struct call *c, int status, const struct message *m)
{
	struct json *data = json_object();

	json_put_string(data, "title", part(c, m->key, "title"));
	json_put_string(data, "message", m->text);
	json_put_string(data, "wait", m->wait == NULL ? "" : m->wait);
	json_put_string(data, "link", m->link == NULL ? "" : m->link);
	json_put_string(data, "link_label", m->link == NULL ? "" : m->label);
	return page_show(c, status, "page/message.html", &data);
}

enum err
page_message(struct call *c, int status, const char *key, const char *link)
{
	return show_message(c, status,
	    &(struct message){ .key = key,
		.text = part(c, key, "message"),
		.link = link,
		.label = link == NULL ? NULL : part(c, key, "link") });
}

/* The form that was sent; NULL where it was none. */
static const char *
form_path(const struct call *c)
{
	const char *next;
	char *out;

	if (c->route == NULL || c->route->method != METHOD_POST ||
	    c->req->method != METHOD_POST)
		return NULL;
	if (strcmp(c->route->path, "/login") != 0)
		return c->route->path;
	next = page_next(c, page_field(c, "next"));
	if (strcmp(next, PAGE_HOME) == 0)
		return c->route->path;
	out = arena_alloc(c->u->mem, 3 * strlen(next) + 1);
	percent_encode(out, next);
	return arena_printf(c->u->mem, "%s?next=%s", c->route->path, out);
}

/* "20 seconds"; of more than a minute nobody counts the seconds. */
static const char *
wait_text(const struct call *c, int64_t seconds)
{
	if (seconds > 60)
		seconds = (seconds + 59) / 60 * 60;
	return mail_lifetime(c->templates, c->u->mem, c->language, seconds);
}

enum err
page_error(struct call *c, int status, const char *key)
{
	const char *form = form_path(c);

	return show_message(c, status,
	    &(struct message){ .key = key,
		.text = part(c, key, "message"),
		.link = form != NULL ? form : "/",
		.label = form != NULL ? page_text(c, "link.form") :
					part(c, key, "link"),
		.wait = status == 429 ? wait_text(c, c->refusal.retry_after) :
					NULL });
}

/*
 * What a form that is shown again answers with: what was wrong with it a
 * person can mend, so its status is not the API's everywhere.  Without a key:
 * the page says it beside each field in its own words.
 */
static const struct mistake {
	enum err e;
	int status;
	const char *key;
} mistakes[] = {
	{ OK, 200, NULL },
	{ ERR_EMAIL_FORMAT, 400, "error.email_format" },
	{ ERR_PASSWORD_SHORT, 400, "error.password_short" },
	{ ERR_PASSWORD_LONG, 400, "error.password_long" },
	{ ERR_NEED_CREDENTIALS, 400, "error.credentials_missing" },
	{ ERR_NEED_EMAIL, 400, "error.email_missing" },
	{ ERR_NEED_RESET, 400, "error.password_missing" },
	{ ERR_NEED_CHANGE, 400, NULL },
	{ ERR_NEED_CURRENT, 400, NULL },
	{ ERR_NEED_NEW_EMAIL, 400, NULL },
	{ ERR_CREDENTIALS, 401, "error.credentials" },
	{ ERR_DISABLED, 400, "error.disabled" },
	{ ERR_UNVERIFIED, 400, "error.unverified" },
	{ ERR_EMAIL_TAKEN, 409, "error.email_taken" },
	{ ERR_EMAIL_SAME, 400, "error.email_same" },
};

static const struct mistake *
find_mistake(enum err e)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
		if (mistakes[i].e == e)
			return &mistakes[i];
	return NULL;
}

const char *
page_advice(enum err e)
{
	const struct mistake *m = find_mistake(e);

	return m == NULL ? NULL : m->key;
}

int
page_status(enum err e)
{
	const struct mistake *m = find_mistake(e);

	must(m != NULL);
	return m->status;
}

enum err
page_go(struct call *c, const char *path)
{
	response_see_other(c->res, path);
	return OK;
}

const char *
page_field(const struct call *c, const char *name)
{
	const char *value = c->form == NULL ? NULL : form_get(c->form, name);

	return value == NULL ? "" : value;
}

const char *
page_query(const struct call *c, const char *name)
{
	const char *value = form_find(c->u->mem, c->req->query, name);

	return value == NULL ? "" : value;
}

const char *
page_notice(const struct call *c)
{
	/* By path, so that no foreign link makes a page say another's. */
	static const struct {
		const char *path, *notice, *key;
	} table[] = {
		{ "/login", "signed-out", "notice.signed_out" },
		{ "/login", "deleted", "notice.account_deleted" },
		{ "/account/sessions", "ended", "notice.session_ended" },
		{ "/account/sessions", "others-ended", "notice.others_ended" },
		{ "/account/password", "changed", "notice.password_changed" },
		{ "/account/language", "saved", "notice.language_saved" },
		{ "/account/email", "sent", "notice.confirmation_sent" },
	};
	const char *notice = page_query(c, "notice");

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].path, c->route->path) == 0 &&
		    strcmp(table[i].notice, notice) == 0)
			return page_text(c, table[i].key);
	return "";
}

const char *
page_device(const struct call *c, const char *user_agent)
{
	const struct device d = device_of(user_agent);

	if (d.browser == NULL && d.system == NULL)
		return page_text(c, "device.unknown");
	if (d.browser == NULL || d.system == NULL)
		return d.browser == NULL ? d.system : d.browser;
	return arena_printf(c->u->mem, "%s %s %s", d.browser,
	    page_text(c, "device.on"), d.system);
}

struct json *
page_time(const struct call *c, const char *rfc3339)
{
	struct arena *mem = c->u->mem;
	struct json *j = json_object();
	const char *day = rfc3339 + strlen("2026-01-");

	must(strlen(rfc3339) == strlen("2026-01-02T03:04:05Z"));
	json_put_string(j, "datetime", rfc3339);
	json_put_string(j, "date_day",
	    *day == '0' ? arena_printf(mem, "%.1s", day + 1) :
			  arena_printf(mem, "%.2s", day));
	json_put_string(j, "date_month",
	    page_text(c, arena_printf(mem, "month.%.2s", rfc3339 + 5)));
	json_put_string(j, "date_year", arena_printf(mem, "%.4s", rfc3339));
	json_put_string(j, "clock", arena_printf(mem, "%.5s", rfc3339 + 11));
	return j;
}

/* Cookies ----------------------------------------------------------------- */

const char *
page_cookie(const struct call *c, const char *name)
{
	const char *value = cookie_get(c->u->mem, c->req->cookie, name,
	    config_is_local_http(conf));

	return value == NULL ? "" : value;
}

void
page_set_cookie(struct call *c, const char *name, const char *value,
    int64_t seconds)
{
	cookie_set(c->res, name, value, seconds, config_is_local_http(conf));
}

const char *
page_session_cookie(const struct call *c)
{
	if (*conf->cookie_domain == '\0')
		return page_cookie(c, SESSION_COOKIE);
	return cookie_get_shared(c->u->mem, c->req->cookie, SESSION_COOKIE);
}

static void
set_session(struct call *c, const char *value, int64_t seconds)
{
	if (*conf->cookie_domain == '\0')
		page_set_cookie(c, SESSION_COOKIE, value, seconds);
	else
		cookie_set_shared(c->res, SESSION_COOKIE, value, seconds,
		    conf->cookie_domain);
}

void
page_set_session(struct call *c, const char *cookie)
{
	set_session(c, cookie, conf->session_lifetime);
}

void
page_clear_session(struct call *c)
{
	set_session(c, "", 0);
	/* The next one at this browser need not know whom we wrote to. */
	if (*page_cookie(c, MAILED_COOKIE) != '\0')
		page_set_cookie(c, MAILED_COOKIE, "", 0);
}

/* What people typed can have any bytes, but not too many. */
void
page_keep_text(struct call *c, const char *name, const char *text, size_t n,
    int64_t seconds)
{
	char *value = arena_alloc(c->u->mem, BASE64URL_SIZE(n));

	base64url_encode(value, text, n);
	page_set_cookie(c, name, value, seconds);
}

const char *
page_kept_text(const struct call *c, const char *name, size_t cap)
{
	const char *value = page_cookie(c, name);
	char *text = arena_alloc(c->u->mem, cap + 1);
	int n = base64url_decode(text, cap, value, strlen(value));

	if (n < 0 || memchr(text, '\0', (size_t)n) != NULL ||
	    utf8_length(text, (size_t)n) < 0)
		return "";
	text[n] = '\0';
	return text;
}

enum err
page_go_mailed(struct call *c, const char *path)
{
	const char *typed = c->in.email_typed;
	size_t n = strlen(typed);

	if (n > MAILED_MAX)
		n = MAILED_MAX;
	while (utf8_length(typed, n) < 0)
		n--; /* cut in the middle of a character */
	page_keep_text(c, MAILED_COOKIE, typed, n, MAILED_SECONDS);
	return page_go(c, path);
}

const char *
page_mailed(const struct call *c)
{
	return page_kept_text(c, MAILED_COOKIE, MAILED_MAX);
}

/* Nothing but a token of ours gets in: a link must not be able to say what
 * page_done() says. */
static bool
is_token(const char *s)
{
	struct one_time_token t;

	return one_time_token_parse(&t, s);
}

enum err
page_take_token(struct call *c, const char *cookie, bool *moved)
{
	const char *token = form_find(c->u->mem, c->req->query, "token");

	*moved = token != NULL;
	if (!*moved)
		return OK;
	page_set_cookie(c, cookie, is_token(token) ? token : "none",
	    TOKEN_SECONDS);
	return page_go(c, c->route->path);
}

enum err
page_dead_link(struct call *c, const char *cookie, const char *key,
    const char *link)
{
	const char *text = part(c, key, "message");

	if (*page_cookie(c, cookie) == '\0')
		text = arena_printf(c->u->mem, "%s %s", text,
		    page_text(c, "error.page_open_too_long"));
	return show_message(c, 400,
	    &(struct message){ .key = key,
		.text = text,
		.link = link,
		.label = part(c, key, "link") });
}

enum err
page_done(struct call *c, const char *cookie, const char *word)
{
	page_set_cookie(c, cookie, word, DONE_SECONDS);
	return page_go(c, c->route->path);
}

bool
page_is_done(const struct call *c, const char *cookie, const char *word)
{
	return strcmp(page_cookie(c, cookie), word) == 0;
}
