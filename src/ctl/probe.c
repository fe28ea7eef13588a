/* SPDX-License-Identifier: ISC */
/* What the checks of a live site share: questions and findings. */
#include "ctl/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "ctl/ctl.h"

/* Much of it is the site's own words. */
static void __attribute__((format(printf, 3, 0)))
say(const struct probe *p, const char *word, const char *fmt, va_list ap)
{
	(void)printf("%-6s %s\n", word,
	    ctl_text(p->mem, arena_vprintf(p->mem, fmt, ap)));
}

void
probe_wrong(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, "WRONG", fmt, ap);
	va_end(ap);
	p->wrong++;
}

void
probe_hint(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, "hint", fmt, ap);
	va_end(ap);
}

bool
probe_ask(struct probe *p, const struct probe_question *q,
    struct fetch_answer *a)
{
	const struct fetch_request r = {
		.method = q->method,
		.url = arena_printf(p->mem, "%s%s", p->origin, q->path),
		.headers = q->headers,
		.body = q->body,
	};

	fetch_run(p->fetch, p->mem, &r, a);
	if (a->status == 429) {
		probe_wrong(p,
		    "%s %s was refused for too many requests; wait a minute "
		    "and run this again",
		    q->method, q->path);
		return false;
	}
	if (a->status != 0)
		return true;
	probe_wrong(p, "%s %s got no answer (%s); see nginx's error log",
	    q->method, q->path, a->why);
	return false;
}

bool
probe_get(struct probe *p, const char *path, struct fetch_answer *a)
{
	const struct probe_question q = { .method = "GET", .path = path };

	return probe_ask(p, &q, a);
}

bool
probe_header_has(const struct fetch_answer *a, const char *name,
    const char *needle)
{
	const char *value;

	for (size_t i = 0; (value = fetch_header(a, name, i)) != NULL; i++)
		if (strcasestr(value, needle) != NULL)
			return true;
	return false;
}
