/* SPDX-License-Identifier: ISC */
/* What the subcommands share. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "platform/clock.h"
#include "platform/config.h"

#define ARENA_SIZE (64UL * 1024 * 1024)
#define PATIENCE_MS (60 * 60 * 1000) /* a migration may take its time */
#define OPTIONS_MAX 4                /* of a subcommand's own */

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

int
ctl_fail_database(const struct unit *u)
{
	return ctl_fail("the database cannot be used: %s: be root (peer"
			" authentication) or name a role with --database, and"
			" see that `posternctl migrate` was run",
	    db_message(u->db));
}

int
ctl_refuse(const char *usage)
{
	(void)fputs(usage, stderr);
	return 2;
}

static void
take_option(const struct ctl_option *o)
{
	if (o->text != NULL)
		*o->text = optarg;
	if (o->given != NULL)
		*o->given = true;
}

int
ctl_read_options(struct ctl_place *place, const struct ctl_option *own,
    int argc, char **argv)
{
	/* getopt_long() gives an option of own as its index there. */
	struct option options[OPTIONS_MAX + 2] = {
		{ "database", required_argument, NULL, 'd' },
	};
	int o;

	for (int i = 0; own != NULL && own[i].name != NULL; i++) {
		must(i < OPTIONS_MAX);
		options[i + 1] = (struct option){ own[i].name,
			own[i].text == NULL ? no_argument : required_argument,
			NULL, i };
	}
	*place = (struct ctl_place){ .conf_path = POSTERN_CONF };
	while ((o = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (o == 'd')
			place->database = optarg;
		else if (o == 'c')
			place->conf_path = optarg;
		else if (o == '?' || own == NULL)
			return 0;
		else
			take_option(&own[o]);
	}
	return optind;
}

const char *
ctl_text(struct arena *mem, const char *text)
{
	static const char dots[] = "…";
	struct buf out;

	buf_init(&out, mem);
	for (; *text != '\0'; text++) {
		if (*text >= ' ' && *text <= '~') {
			buf_putc(&out, *text);
		} else if (strncmp(text, dots, sizeof dots - 1) == 0) {
			buf_puts(&out, dots);
			text += sizeof dots - 2;
		} else {
			buf_printf(&out, "\\x%02x", (unsigned char)*text);
		}
	}
	return out.data;
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
ctl_open(struct ctl_session *s, const struct ctl_place *place, const char *role)
{
	struct db_options o = {
		.conninfo = place->database,
		.prepare = true,
		.budget_ms = PATIENCE_MS,
	};

	*s = (struct ctl_session){ .conf = NULL };
	if (place->database == NULL) {
		s->conf = ctl_config(place->conf_path);
		if (s->conf == NULL)
			return false;
		o.conninfo = s->conf->database;
		o.prepare = s->conf->database_prepare;
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
