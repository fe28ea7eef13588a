/* SPDX-License-Identifier: ISC */
#ifndef CTL_CTL_H
#define CTL_CTL_H

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

int ctl_migrate(int argc, char **argv);

#endif
