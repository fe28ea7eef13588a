/* SPDX-License-Identifier: ISC */
/* What the subcommands share. */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "platform/clock.h"
#include "platform/config.h"

#define ARENA_SIZE (64UL * 1024 * 1024)
#define PATIENCE_MS (60 * 60 * 1000) /* a migration may take its time */

int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("posternctl: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	return 1;
}

static void
report(void *arg, bool fatal, const char *file, int line, const char *what)
{
	(void)arg;
	if (fatal)
		(void)ctl_fail("%s:%d: %s", file, line, what);
}

struct config *
ctl_config(const char *conf_path)
{
	return config_load(conf_path, report, NULL);
}

bool
ctl_open(struct ctl_session *s, const char *conf_path, const char *uri,
    const char *role)
{
	struct db_options o = {
		.conninfo = uri,
		.prepare = true,
		.budget_ms = PATIENCE_MS,
	};

	*s = (struct ctl_session){ .conf = NULL };
	if (uri == NULL) {
		s->conf = ctl_config(conf_path);
		if (s->conf == NULL)
			return false;
		o.conninfo = s->conf->database;
		o.user = role;
	}
	s->unit.mem = arena_new(ARENA_SIZE);
	s->unit.db = db_open(&o);
	s->unit.now = clock_unix_ms() / 1000;
	db_request(s->unit.db);
	return true;
}

void
ctl_close(struct ctl_session *s)
{
	db_close(&s->unit.db);
	arena_free(&s->unit.mem);
	conf = NULL;
	config_free(&s->conf);
}
