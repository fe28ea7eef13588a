/* SPDX-License-Identifier: ISC */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>

#include "domain/unit.h"

/*
 * posternctl: one file a subcommand, one row each in posternctl.c.  A
 * subcommand gets its own arguments (argv[0] is its name), says what it did
 * on standard output and what is wrong on standard error, and returns the
 * exit status: 0, 1 for a failure, 2 for wrong usage.
 */
struct ctl_command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
};

int ctl_account(int argc, char **argv);
int ctl_migrate(int argc, char **argv);
int ctl_key(int argc, char **argv);
int ctl_mail(int argc, char **argv);
int ctl_check(int argc, char **argv);

/* Says what is wrong; returns 1, for the caller to return. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same of a statement that failed. */
int ctl_fail_database(const struct unit *u);

/* Says how a subcommand is used; returns 2. */
int ctl_refuse(const char *usage);

/* Where a subcommand finds its database. */
struct ctl_place {
	const char *conf_path, *database; /* the latter NULL for none */
};

/* An option of a subcommand's own. */
struct ctl_option {
	const char *name;  /* "state" of --state; NULL ends a list */
	const char **text; /* its argument goes there; NULL: it takes none */
	bool *given;       /* then this is set; or NULL */
};

/*
 * Reads -c and --database into *place, and the options of own, which may be
 * NULL.  Returns the index of what follows them, or 0 when they are wrong.
 */
int ctl_read_options(struct ctl_place *place, const struct ctl_option *own,
    int argc, char **argv);

/*
 * What others wrote, fit for a terminal: everything but printable ASCII, and
 * the dots of our own sentences, as \xNN.  In mem.
 */
const char *ctl_text(struct arena *mem, const char *text);

/* A subcommand's database. */
struct ctl_session {
	struct unit unit;
	struct config *conf; /* NULL when the database was named by hand */
};

/*
 * Opens the database: as the URI says, or, where there is none, as the
 * configuration says with this role; its password is libpq's business (peer
 * authentication, or ~/.pgpass).  A URI is taken to lead to the server
 * itself; whether the configuration does, database_prepare tells.  False when
 * the configuration cannot be read, which it has then said.
 */
bool ctl_open(struct ctl_session *s, const struct ctl_place *place,
    const char *role);
void ctl_close(struct ctl_session *s);

/* The configuration alone; NULL when it cannot be read, which is then said. */
struct config *ctl_config(const char *conf_path);

#endif
