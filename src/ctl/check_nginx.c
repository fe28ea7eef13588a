/* SPDX-License-Identifier: ISC */
/*
 * posternctl check nginx: what a live site must answer, asked from outside.
 * The files of nginx/ are copied and changed, and proxies stand before them;
 * this finds what was lost on the way, one line a finding.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ctl/ctl.h"
#include "ctl/probe.h"
#include "platform/config.h"
#include "platform/url.h"

/* Some hundred answers, each with its body, doubled as it grows. */
#define ARENA_SIZE (256UL * 1024 * 1024)

static const char usage[] =
    "usage: posternctl check nginx [--connect HOST:PORT] [--ca-file FILE]\n"
    "           [--location PATH …] [--account ADDRESS --password-file FILE]\n"
    "           URL\n";

/* What the command was asked for. */
struct request {
	const char *url, *email, *password_file;
	struct fetch_options fetch;
	const char *locations[PROBE_LOCATIONS];
	size_t nlocations;
};

static bool
always(const struct probe *p)
{
	(void)p;
	return true;
}

/* On loopback http will do. */
static bool
is_public(const struct probe *p)
{
	return p->tls || !url_is_local_http(p->origin);
}

/* Where https has a port of its own, or connects elsewhere, nobody knows
 * where http would be. */
static bool
has_usual_port(const struct probe *p)
{
	const char *host = strstr(p->origin, "://") + 3;
	const char *end = strrchr(host, ']');

	return p->tls && !p->elsewhere &&
	    strchr(end != NULL ? end : host, ':') == NULL;
}

static bool
has_account(const struct probe *p)
{
	return p->email != NULL;
}

/* By claim: what is true of the site when the check finds nothing. */
static const struct check {
	const char *claim;
	void (*run)(struct probe *p);
	bool (*applies)(const struct probe *p);
} checks[] = {
	{ "secrets travel through TLS 1.2 or newer", probe_tls, is_public },
	{ "http:// leads to https://", probe_clear_text, has_usual_port },
	{ "every call and page reaches its pool", probe_routes, always },
	{ "inner locations are nginx's own", probe_inner_locations, always },
	{ "refusals are Postern's, too large bodies nginx's", probe_refusals,
	    always },
	{ "tokens reach posternd whole", probe_headers_arrive, always },
	{ "public_url is this URL, forms of other sites are refused",
	    probe_origin, always },
	{ "private pages are not kept, not compressed", probe_private_pages,
	    always },
	{ "no cache mixes people's pages", probe_languages, always },
	{ "pages carry their security headers", probe_page_headers, always },
	{ "cookies are closed to scripts and other sites", probe_cookies,
	    always },
	{ "static files come, are kept, and are all that comes", probe_static,
	    always },
	{ "no client says by itself who it is", probe_identity, always },
	{ "a signed-in account's pages are its own", probe_signed_in,
	    has_account },
};

static bool
take_location(struct request *r, const char *path)
{
	if (r->nlocations == PROBE_LOCATIONS || *path != '/')
		return false;
	r->locations[r->nlocations++] = path;
	return true;
}

static bool
take_option(struct request *r, int o)
{
	switch (o) {
	case 'c':
		r->fetch.connect = optarg;
		return true;
	case 'f':
		r->fetch.ca_file = optarg;
		return true;
	case 'l':
		return take_location(r, optarg);
	case 'a':
		r->email = optarg;
		return true;
	case 'p':
		r->password_file = optarg;
		return true;
	default:
		return false;
	}
}

static int
read_request(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "connect", required_argument, NULL, 'c' },
		{ "ca-file", required_argument, NULL, 'f' },
		{ "location", required_argument, NULL, 'l' },
		{ "account", required_argument, NULL, 'a' },
		{ "password-file", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	*r = (struct request){ .url = NULL };
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(r, o))
			return ctl_refuse(usage);
	if (argc - optind != 2 || strcmp(argv[optind], "nginx") != 0 ||
	    (r->email == NULL) != (r->password_file == NULL))
		return ctl_refuse(usage);
	r->url = argv[optind + 1];
	return 0;
}

/* Nothing else is worth asking where this fails. */
static bool
is_there(struct probe *p)
{
	struct fetch_answer a;

	if (!probe_get(p, "/healthz", &a))
		return false;
	if (a.status != 200 || strstr(a.body.data, "\"alive\"") == NULL) {
		probe_wrong(p,
		    "/healthz is answered %ld, and not by Postern; include "
		    "snippets/postern-server.conf in the server { } of this "
		    "name, and see that posternd runs",
		    a.status);
		return false;
	}
	if (!probe_get(p, "/readyz", &a))
		return false;
	if (a.status != 200)
		probe_wrong(p,
		    "/readyz is answered %ld: Postern runs but cannot serve; "
		    "its log says why, and `posternd -t`",
		    a.status);
	return a.status == 200;
}

static void
run_checks(struct probe *p)
{
	unsigned before;

	if (!is_there(p))
		return;
	(void)puts("ok     Postern answers, and is ready");
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		if (!checks[i].applies(p))
			continue;
		before = p->wrong;
		checks[i].run(p);
		if (p->wrong == before)
			(void)printf("ok     %s\n", checks[i].claim);
		(void)fflush(stdout);
	}
}

static int
check(const struct request *r, const char *origin, const char *password)
{
	struct probe p = {
		.mem = arena_new(ARENA_SIZE),
		.fetch = fetch_open(&r->fetch),
		.origin = origin,
		.tls = strncmp(origin, "https:", 6) == 0,
		.elsewhere = r->fetch.connect != NULL,
		.nlocations = r->nlocations,
		.email = r->email,
		.password = password,
	};

	memcpy(p.locations, r->locations, sizeof p.locations);
	run_checks(&p);
	if (p.wrong == 0)
		(void)printf("all is well at %s\n", origin);
	else
		(void)printf("%u wrong at %s\n", p.wrong, origin);
	fetch_close(&p.fetch);
	arena_free(&p.mem);
	return p.wrong != 0;
}

int
ctl_check(int argc, char **argv)
{
	struct request r;
	char *origin, *password = NULL;
	const char *why = "";
	int bad;

	if ((bad = read_request(&r, argc, argv)) != 0)
		return bad;
	if (r.password_file != NULL &&
	    (password = config_read_secret(r.password_file, &why)) == NULL)
		return ctl_fail("the password's file %s %s", r.password_file,
		    why);
	if ((origin = url_origin(r.url)) == NULL)
		bad = ctl_fail("%s is no URL of a site: give"
			       " https://HOST, without a path",
		    r.url);
	else
		bad = check(&r, origin, password);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	free(origin);
	return bad;
}
