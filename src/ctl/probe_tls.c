/* SPDX-License-Identifier: ISC */
/* Is everything that is secret sent through TLS, and through a good one? */
#include <string.h>

#include "base/arena.h"
#include "ctl/probe.h"

/* RFC 8996 forbids what came before TLS 1.2. */
static void
check_old(struct probe *p)
{
	const struct fetch_request r = {
		.method = "GET",
		.url = arena_printf(p->mem, "%s/healthz", p->origin),
		.tls = FETCH_TLS_OLD,
	};
	struct fetch_answer a;

	fetch_run(p->fetch, p->mem, &r, &a);
	if (a.status != 0)
		probe_wrong(p,
		    "TLS 1.1 and older are taken; set "
		    "`ssl_protocols TLSv1.2 TLSv1.3;` in http { } "
		    "of nginx.conf");
}

void
probe_tls(struct probe *p)
{
	struct fetch_answer a;

	if (!p->tls) {
		probe_wrong(p,
		    "%s sends passwords in the clear; give the server a "
		    "certificate and `listen 443 ssl`",
		    p->origin);
		return;
	}
	check_old(p);
	if (!probe_get(p, "/login", &a))
		return;
	if (a.http < 20)
		probe_hint(p,
		    "pages come by HTTP/1.1; `listen 443 ssl http2;` "
		    "serves browsers faster");
	if (fetch_header(&a, "Strict-Transport-Security", 0) == NULL)
		probe_hint(p,
		    "there is no Strict-Transport-Security (RFC "
		    "6797); once all of this host is https, add "
		    "`add_header Strict-Transport-Security "
		    "max-age=31536000 always;` to its server { }");
}

/* A bare http:// leads to https:// or nowhere. */
void
probe_clear_text(struct probe *p)
{
	const char *host = strstr(p->origin, "://") + 3;
	const struct fetch_request r = {
		.method = "GET",
		.url = arena_printf(p->mem, "http://%s/login", host),
	};
	struct fetch_answer a;

	fetch_run(p->fetch, p->mem, &r, &a);
	if (a.status != 0 && !probe_header_has(&a, "Location", "https://"))
		probe_wrong(p,
		    "http://%s/login is answered %ld in the clear; let a "
		    "server { listen 80; } of that name only `return 301 "
		    "https://$host$request_uri;`",
		    host, a.status);
}
