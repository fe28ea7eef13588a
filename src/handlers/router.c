/* SPDX-License-Identifier: ISC */
/* From a path to its handler, and what happens on the way. */
#include <string.h>

#include "base/buf.h"
#include "handlers/call.h"
#include "platform/log.h"

bool
route_is_page(const struct route *r)
{
	switch (r->input) {
	case INPUT_NONE:
	case INPUT_REGISTRATION:
	case INPUT_LOGIN:
	case INPUT_EMAIL:
	case INPUT_VERIFICATION:
	case INPUT_CHANGE:
	case INPUT_CHANGE_EMAIL:
	case INPUT_PROOF:
	case INPUT_LOGOUT_ALL:
	case INPUT_RESET:
	case INPUTS:
		return false;
	case INPUT_PAGE:
	case INPUT_FORM:
	case INPUT_FORM_REGISTRATION:
	case INPUT_FORM_LOGIN:
	case INPUT_FORM_EMAIL:
	case INPUT_FORM_RESET:
	case INPUT_FORM_CHANGE:
	case INPUT_FORM_CHANGE_EMAIL:
	case INPUT_FORM_PROOF:
		return true;
	}
	return false;
}

static bool
is_method(const struct route *r, enum method m)
{
	return r->method == m || (r->method == METHOD_GET && m == METHOD_HEAD);
}

/* Whether path is the route's; *argument is what stands for its {id}. */
static bool
is_path(const struct route *r, const char *path, const char **argument)
{
	const char *id = strstr(r->path, "{id}");
	size_t n;

	if (id == NULL)
		return strcmp(r->path, path) == 0;
	n = (size_t)(id - r->path);
	if (strncmp(r->path, path, n) != 0 || path[n] == '\0' ||
	    strchr(path + n, '/') != NULL)
		return false;
	*argument = path + n;
	return true;
}

static const char *
method_names(enum method m)
{
	if (m == METHOD_GET)
		return "GET, HEAD";
	return m == METHOD_DELETE ? "DELETE" : "POST";
}

/* Tells which methods the path has (RFC 9110, section 10.2.1). */
static void
allow(struct call *c, const struct route *table)
{
	struct buf methods;

	buf_init(&methods, c->u->mem);
	for (const struct route *r = table; r->path != NULL; r++) {
		if (!is_path(r, c->req->path, &c->argument))
			continue;
		if (methods.len > 0)
			buf_puts(&methods, ", ");
		buf_puts(&methods, method_names(r->method));
	}
	response_header(c->res, "Allow", methods.data);
}

/* Sets c->route.  Exact paths only: nginx's map ignores case, we do not. */
static enum err
find(struct call *c, const struct route *table)
{
	bool known = false;

	for (const struct route *r = table; r->path != NULL; r++) {
		if (!is_path(r, c->req->path, &c->argument))
			continue;
		known = true;
		c->route = r;
		if (is_method(r, c->req->method))
			return OK;
	}
	if (!known)
		return ERR_NOT_FOUND;
	allow(c, table);
	return ERR_METHOD;
}

static enum err
check_pool(const struct route *r, enum pool pool)
{
	if (r->pool == POOL_BOTH || r->pool == pool)
		return OK;
	log_event(ERROR, "route.wrong_pool",
	    "path=%s what=nginx sent it to the wrong socket: mend the map"
	    " $postern_pool in postern-http.conf",
	    r->path);
	return ERR_WRONG_POOL;
}

static enum err
serve(struct call *c, const struct route *table, enum pool pool)
{
	enum err e;

	if ((e = find(c, table)) != OK ||
	    (e = check_pool(c->route, pool)) != OK ||
	    (e = input_read(c)) != OK || (e = guard_check(c)) != OK)
		return e;
	return c->route->handle(c);
}

void
router_serve(struct call *c, const struct route *table, enum pool pool)
{
	enum err e = serve(c, table, pool);

	if (e == OK)
		return;
	log_event(INFO, "request.refused", "client=%s path=%s why=%s",
	    c->req->client, c->route == NULL ? "-" : c->route->path,
	    err_name(e));
	answer_error(c, e);
}
