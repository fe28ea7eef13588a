/* SPDX-License-Identifier: ISC */
#include "platform/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/must.h"
#include "platform/db.h"
#include "platform/option.h"
#include "platform/url.h"

/*
 * From CONFIG_TABLE a table of rows, and over it the three sources in their
 * order: the row's default, the file, the environment.  A problem is reported
 * and the reading goes on, so that one run of `posternd -t` tells them all.
 */
#define ENVIRONMENT_PREFIX "POSTERN_"

struct option {
	const char *name;
	const struct option_type *type;
	size_t offset; /* in struct config */
	const char *standard, *least, *most;
};

#define CONFIG_ROW(TYPE, name, standard, least, most, help)                    \
	{ #name, &option_type_##TYPE, offsetof(struct config, name), standard, \
		least, most },
static const struct option table[] = { CONFIG_TABLE(CONFIG_ROW) };
#undef CONFIG_ROW
#define OPTIONS (sizeof table / sizeof *table)

const struct config *conf;

/* A reading under way. */
struct load {
	struct config *config;
	config_report *report;
	void *arg;
	bool failed;
	const char *file; /* where it is: a file, or a variable's name */
	int line;
	int line_of[OPTIONS];  /* where the file set an option; 0 for nowhere */
	bool refused[OPTIONS]; /* a value for it was reported already */
};

static void problem(struct load *l, bool fatal, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
problem(struct load *l, bool fatal, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (fatal)
		l->failed = true;
	l->report(l->arg, fatal, l->file, l->line, what);
}

static void *
slot_of(struct config *c, const struct option *o)
{
	return (char *)c + o->offset;
}

static void
clear(void *slot, const struct option_type *type)
{
	char *owned;

	if (!type->owned)
		return;
	memcpy(&owned, slot, sizeof owned);
	free(owned);
	memset(slot, 0, sizeof owned);
}

static bool
is_within(struct load *l, const struct option *o, int64_t size)
{
	const char *unit = o->type->owned ? " characters" : "";

	if (*o->least != '\0' && size < option_bound(o->least)) {
		problem(l, true, "%s is below its least: write %s%s or more",
		    o->name, o->least, unit);
		return false;
	}
	if (*o->most != '\0' && size > option_bound(o->most)) {
		problem(l, true, "%s is above its most: write %s%s or less",
		    o->name, o->most, unit);
		return false;
	}
	return true;
}

static bool
is_plain(struct load *l, const struct option *o, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (!iscntrl((unsigned char)*p))
			continue;
		problem(l, true, "%s holds a control character: remove it",
		    o->name);
		return false;
	}
	if (utf8_length(text, strlen(text)) < 0) {
		problem(l, true, "%s is not UTF-8: save it in that encoding",
		    o->name);
		return false;
	}
	return true;
}

/* Sets an option to text, or reports why not and leaves it as it was. */
static void
set(struct load *l, const struct option *o, const char *text)
{
	union {
		const char *string;
		int64_t number;
		struct rate rate;
		bool on;
	} slot;
	const char *wanted;

	l->refused[o - table] = true;
	if (!is_plain(l, o, text))
		return;
	if ((wanted = o->type->read(&slot, text)) != NULL) {
		problem(l, true, "%s cannot be \"%.100s\": write %s", o->name,
		    text, wanted);
		return;
	}
	if (!is_within(l, o, o->type->size(&slot))) {
		clear(&slot, o->type);
		return;
	}
	clear(slot_of(l->config, o), o->type);
	memcpy(slot_of(l->config, o), &slot, o->type->width);
	l->refused[o - table] = false;
}

static void
set_defaults(struct load *l)
{
	l->file = "-";
	for (size_t i = 0; i < OPTIONS; i++) {
		if (table[i].type->read(slot_of(l->config, &table[i]),
			table[i].standard) != NULL)
			must(!"a default that its own type refuses");
	}
}

/* The row of an option, or NULL. */
static const struct option *
find(const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

/* Cuts blanks at both ends of s, in place. */
static char *
trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		;
	s[n] = '\0';
	return s;
}

static void
read_line(struct load *l, char *line)
{
	const struct option *o;
	char *equals, *name;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return;
	if (*line == '[' && line[strlen(line) - 1] == ']')
		return;
	if ((equals = strchr(line, '=')) == NULL) {
		problem(l, true,
		    "\"%.100s\" is no option: write name = value,"
		    " or # before a comment",
		    line);
		return;
	}
	*equals = '\0';
	name = trim(line);
	if ((o = find(name)) == NULL) {
		problem(l, true,
		    "there is no option \"%.100s\": remove it, or"
		    " see postern.conf(5) for the right name",
		    name);
		return;
	}
	if (l->line_of[o - table] != 0) {
		problem(l, true, "%s was set in line %d already: remove one",
		    name, l->line_of[o - table]);
		return;
	}
	l->line_of[o - table] = l->line;
	set(l, o, trim(equals + 1));
}

static void
read_file(struct load *l, const char *path)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	l->file = path;
	if (in == NULL) {
		problem(l, true,
		    "cannot be opened (%s): name the file with -c,"
		    " and let this user read it",
		    strerror(errno));
		return;
	}
	for (l->line = 1; (n = getline(&line, &size, in)) >= 0; l->line++) {
		if (strlen(line) == (size_t)n)
			read_line(l, line);
		else
			problem(l, true, "holds a NUL byte: this is no text");
	}
	l->line = 0;
	if (ferror(in))
		problem(l, true, "cannot be read: %s", strerror(errno));
	free(line);
	(void)fclose(in);
}

/* The row that name, as the environment spells it, sets; or NULL. */
static const struct option *
find_upper(const char *name, size_t n)
{
	size_t i, at;

	for (i = 0; i < OPTIONS; i++) {
		if (strlen(table[i].name) != n)
			continue;
		for (at = 0; at < n; at++) {
			if (toupper((unsigned char)table[i].name[at]) !=
			    name[at])
				break;
		}
		if (at == n)
			return &table[i];
	}
	return NULL;
}

static void
read_variable(struct load *l, const char *variable)
{
	size_t n = strcspn(variable, "="), prefix = strlen(ENVIRONMENT_PREFIX);
	const struct option *o;
	char *copy;

	if (strncmp(variable, ENVIRONMENT_PREFIX, prefix) != 0 ||
	    variable[n] == '\0')
		return;
	must((copy = strdup(variable)) != NULL);
	copy[n] = '\0';
	l->file = copy;
	if ((o = find_upper(copy + prefix, n - prefix)) != NULL)
		set(l, o, trim(copy + n + 1));
	else
		problem(l, false,
		    "no option has this name: unset it if it was"
		    " meant to be one");
	free(copy);
}

/* Browsers would drop the cookie, and every sign-in with it. */
static void
check_cookie_domain(struct load *l)
{
	const struct config *c = l->config;

	if (*c->cookie_domain == '\0')
		return;
	if (!url_is_domain(c->cookie_domain))
		problem(l, true,
		    "cookie_domain is no domain: write it as example.org,"
		    " without a dot before it, in ASCII letters");
	else if (url_is_local_http(c->public_url))
		problem(l, true,
		    "cookie_domain needs a public_url with https: its cookie"
		    " goes over TLS alone; leave it empty");
	else if (*c->public_url != '\0' &&
	    !url_host_is_within(c->public_url, c->cookie_domain))
		problem(l, true,
		    "cookie_domain does not cover the host of public_url:"
		    " browsers would refuse its cookie; write a domain that"
		    " this host is or lies below");
}

/* The SMTP library takes what follows a colon for the port. */
static void
check_smtp_host(struct load *l)
{
	if (strchr(l->config->smtp_host, ':') != NULL)
		problem(l, true,
		    "smtp_host is an IPv6 address, or has a port: write a"
		    " name or an IPv4 address, and the port in smtp_port");
}

/* Fine for a site that this machine alone uses. */
static void
check_sender(struct load *l)
{
	const struct config *c = l->config;
	const char *at = strrchr(c->mail_from, '@');

	if (at != NULL && strcasecmp(at, "@localhost") == 0 &&
	    *c->public_url != '\0' && !url_is_local_http(c->public_url))
		problem(l, false,
		    "mail_from is %s: others refuse mails from there; write"
		    " an address of a domain of yours",
		    c->mail_from);
}

/* What one option alone cannot tell. */
static void
check(struct load *l, const char *path)
{
	const struct config *c = l->config;

	l->file = path;
	if (*c->public_url == '\0' && !l->refused[find("public_url") - table])
		problem(l, true,
		    "public_url is not set: write the address"
		    " browsers use, as https://login.example.org");
	if (strncmp(c->public_url, "http://", 7) == 0 &&
	    !url_is_local_http(c->public_url))
		problem(l, true,
		    "public_url is http: cookies and tokens would"
		    " travel in the clear; write https (http is for"
		    " localhost alone)");
	check_cookie_domain(l);
	if (db_names_password(c->database))
		problem(l, true,
		    "database names a password: move it to the"
		    " *_database_password_file options");
	if ((*c->smtp_user == '\0') != (*c->smtp_password_file == '\0'))
		problem(l, true,
		    "smtp_user and smtp_password_file go together:"
		    " set both or neither");
	if (c->smtp_tls == SMTP_TLS_NONE && !url_host_is_loopback(c->smtp_host))
		problem(l, false,
		    "smtp_tls is none and smtp_host another"
		    " machine: links travel in the clear; write"
		    " smtp_tls = starttls");
	check_smtp_host(l);
	check_sender(l);
}

struct config *
config_load(const char *path, config_report *report, void *arg)
{
	struct load l = { .report = report, .arg = arg };

	must((l.config = calloc(1, sizeof *l.config)) != NULL);
	set_defaults(&l);
	read_file(&l, path);
	for (char **v = environ; v != NULL && *v != NULL; v++)
		read_variable(&l, *v);
	check(&l, path);
	if (l.failed)
		config_free(&l.config);
	return l.config;
}

void
config_free(struct config **cp)
{
	struct config *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	must(c != conf);
	for (size_t i = 0; i < OPTIONS; i++)
		clear(slot_of(c, &table[i]), table[i].type);
	free(c);
}

void
config_dump(const struct config *c, FILE *out)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		(void)fprintf(out, "%s = ", table[i].name);
		table[i].type->print((const char *)c + table[i].offset, out);
		(void)fputc('\n', out);
	}
}

bool
config_is_local_http(const struct config *c)
{
	return url_is_local_http(c->public_url);
}
