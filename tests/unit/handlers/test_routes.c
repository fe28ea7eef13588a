/* SPDX-License-Identifier: ISC */
/* What must hold of every row of the table of routes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/call.h"
#include "tests/test.h"

static const struct contract {
	enum method method;
	const char *path;
	enum pool pool;
	enum access access;
	enum limit limit;
} contract[] = {
	{ METHOD_POST, "/auth/register", POOL_PASSWORD, ACCESS_PUBLIC,
	    LIMIT_REGISTER },
	{ METHOD_POST, "/auth/login", POOL_PASSWORD, ACCESS_PUBLIC,
	    LIMIT_LOGIN },
	{ METHOD_POST, "/auth/logout", POOL_WEB, ACCESS_TOKEN, LIMIT_OTHER },
	{ METHOD_POST, "/auth/refresh", POOL_WEB, ACCESS_PUBLIC, LIMIT_OTHER },
	{ METHOD_POST, "/auth/forgot-password", POOL_WEB, ACCESS_PUBLIC,
	    LIMIT_FORGOT },
	{ METHOD_POST, "/auth/reset-password", POOL_PASSWORD, ACCESS_PUBLIC,
	    LIMIT_OTHER },
	{ METHOD_POST, "/auth/verify-email", POOL_WEB, ACCESS_PUBLIC,
	    LIMIT_OTHER },
	{ METHOD_POST, "/auth/resend-verification", POOL_WEB, ACCESS_PUBLIC,
	    LIMIT_RESEND },
};

static const struct route *
find(enum method m, const char *path)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		if (r->method == m && strcmp(r->path, path) == 0)
			return r;
	return NULL;
}

START_TEST(the_eight_routes_are_there)
{
	const struct contract *want = &contract[_i];
	const struct route *r = find(want->method, want->path);

	ck_assert_msg(r != NULL, "%s", want->path);
	ck_assert_int_eq(r->pool, want->pool);
	ck_assert_int_eq(r->access, want->access);
	ck_assert_int_eq(r->limit, want->limit);
}
END_TEST

START_TEST(no_route_is_there_twice)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		ck_assert_ptr_eq(find(r->method, r->path), r);
}
END_TEST

START_TEST(every_form_of_a_page_checks_its_origin)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		if (route_is_page(r) && r->method == METHOD_POST)
			ck_assert_msg(r->origin == ORIGIN_OURS, "%s", r->path);
}
END_TEST

static const char *const without_limit[] = { "/healthz", "/readyz",
	"/brand.css", "/auth/check", "/.well-known/jwks.json" };

START_TEST(what_costs_nothing_has_no_limit)
{
	for (const struct route *r = routes; r->path != NULL; r++) {
		bool listed = false;

		for (int i = 0; i < ROWS(without_limit); i++)
			listed |= strcmp(r->path, without_limit[i]) == 0;
		ck_assert_msg((r->limit == LIMIT_NONE) == listed, "%s",
		    r->path);
	}
}
END_TEST

START_TEST(every_route_has_a_handler)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		ck_assert_msg(r->handle != NULL, "%s", r->path);
}
END_TEST

/* The rows of nginx's map of pools: "METHOD:path" and its pool. */
struct pools {
	char key[64][96];
	char pool[64][32];
	int n;
};

static void
read_pools(struct pools *pools)
{
	static const char opening[] =
	    "map \"$request_method:$uri\" $postern_pool {\n";
	const char *source = getenv("POSTERN_SOURCE");
	char path[4096], line[1024];
	bool inside = false;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/nginx/postern-http.conf",
	    source == NULL ? "." : source);
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	pools->n = 0;
	while (fgets(line, sizeof line, f) != NULL) {
		int i = pools->n;

		if (strcmp(line, opening) == 0) {
			inside = true;
			continue;
		}
		if (!inside)
			continue;
		if (strcmp(line, "}\n") == 0)
			break;
		ck_assert_int_lt(i, ROWS(pools->key));
		ck_assert_msg(sscanf(line, " %95s %31[a-z_];", pools->key[i],
				  pools->pool[i]) == 2,
		    "%s", line);
		pools->n++;
	}
	(void)fclose(f);
}

static const char *
pool_of(const struct pools *pools, const char *key)
{
	for (int i = 0; i < pools->n; i++)
		if (strcmp(pools->key[i], key) == 0)
			return pools->pool[i];
	return NULL;
}

START_TEST(nginx_sends_to_the_password_pool_what_is_there_and_no_more)
{
	static const char *const names[] = { [METHOD_GET] = "GET",
		[METHOD_POST] = "POST",
		[METHOD_DELETE] = "DELETE" };
	struct pools pools;
	int listed = 1; /* the default */

	read_pools(&pools);
	ck_assert_str_eq(pool_of(&pools, "default"), "postern_web");
	for (const struct route *r = routes; r->path != NULL; r++) {
		char key[128];
		const char *pool;

		(void)snprintf(key, sizeof key, "\"%s:%s\"", names[r->method],
		    r->path);
		pool = pool_of(&pools, key);
		if (r->pool != POOL_PASSWORD) {
			ck_assert_msg(pool == NULL, "%s", key);
			continue;
		}
		ck_assert_msg(pool != NULL, "%s is not there", key);
		ck_assert_str_eq(pool, "postern_password");
		listed++;
	}
	ck_assert_int_eq(pools.n, listed);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "the eight routes are there", the_eight_routes_are_there,
		    ROWS(contract) },
		{ "no route is there twice", no_route_is_there_twice, 0 },
		{ "every form of a page checks its origin",
		    every_form_of_a_page_checks_its_origin, 0 },
		{ "what costs nothing has no limit",
		    what_costs_nothing_has_no_limit, 0 },
		{ "every route has a handler", every_route_has_a_handler, 0 },
		{ "nginx sends to the password pool what is there, no more",
		    nginx_sends_to_the_password_pool_what_is_there_and_no_more,
		    0 },
	};

	return test_main("routes", cases, ROWS(cases));
}
