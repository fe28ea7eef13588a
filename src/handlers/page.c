/* SPDX-License-Identifier: ISC */
/* What pages share. */
#include "handlers/page.h"

#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/must.h"
#include "handlers/page_next.h"
#include "http/form.h"
#include "platform/config.h"
#include "platform/json.h"
#include "render/device.h"
#include "render/mail.h"
#include "render/template.h"

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
	return page_message_and(c, status, key, "", link);
}

enum err
page_message_and(struct call *c, int status, const char *key, const char *more,
    const char *link)
{
	const char *text = part(c, key, "message");

	if (*more != '\0')
		text = arena_printf(c->u->mem, "%s %s", text, more);
	return show_message(c, status,
	    &(struct message){ .key = key,
		.text = text,
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
