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

/* A subcommand's database. */
struct ctl_session {
	struct unit unit;
	struct config *conf; /* NULL when the database was named by hand */
};

/*
 * Opens the database: as the URI says, or, when that is NULL, as the
 * configuration at conf_path says with this role; its password is libpq's
 * business (peer authentication, or ~/.pgpass).  False when the configuration
 * cannot be read, which it has then said.
 */
bool ctl_open(struct ctl_session *s, const char *conf_path, const char *uri,
    const char *role);
void ctl_close(struct ctl_session *s);

/* The configuration alone; NULL when it cannot be read, which is then said. */
struct config *ctl_config(const char *conf_path);

#endif
