/* SPDX-License-Identifier: ISC */
/* posternctl: a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "platform/log.h"

static const struct ctl_command commands[] = {
	{ "migrate", "bring the database to this version", ctl_migrate },
	{ "account", "see an account, shut it out, let it in again",
	    ctl_account },
	{ "key", "list, rotate and retire the keys that sign", ctl_key },
	{ "check", "ask a live site what nginx must answer", ctl_check },
	{ "mail", "look into the queue of mails, and mend it", ctl_mail },
};

#define NCOMMANDS (sizeof commands / sizeof *commands)

static int
print_usage(FILE *to, int status)
{
	(void)fputs("usage: posternctl command [options]\n", to);
	for (size_t i = 0; i < NCOMMANDS; i++)
		(void)fprintf(to, "  %-10s %s\n", commands[i].name,
		    commands[i].summary);
	return status;
}

int
main(int argc, char **argv)
{
	log_open("posternctl", LOG_LEVEL_ERROR);
	if (argc < 2)
		return print_usage(stderr, 2);
	if (strcmp(argv[1], "-V") == 0)
		return puts("posternctl " PACKAGE_VERSION) < 0;
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return print_usage(stdout, 0);
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	(void)fprintf(stderr, "posternctl: there is no command %s\n", argv[1]);
	return print_usage(stderr, 2);
}
