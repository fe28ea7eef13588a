/* SPDX-License-Identifier: ISC */
/* posternd: arguments, configuration, log; then the supervisor. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "platform/config.h"
#include "platform/log.h"
#include "replace.h"
#include "supervisor.h"

static const char usage[] =
    "usage: posternd [-c file] [-t | -T | -V]\n"
    "  -c file  the configuration, instead of " POSTERN_CONF "\n"
    "  -t       check configuration, templates and database, then leave\n"
    "  -T       print the configuration in force, then leave\n"
    "  -V       print the version\n";

enum task {
	TASK_SERVE,
	TASK_CHECK,
	TASK_DUMP,
	TASK_VERSION
};

struct arguments {
	enum task task;
	const char *conf_path;
};

static void
read_arguments(struct arguments *a, int argc, char **argv)
{
	int o;

	*a = (struct arguments){ TASK_SERVE, POSTERN_CONF };
	while ((o = getopt(argc, argv, "c:tTV")) != -1) {
		if (o == 'c')
			a->conf_path = optarg;
		else if (o == 't')
			a->task = TASK_CHECK;
		else if (o == 'T')
			a->task = TASK_DUMP;
		else if (o == 'V')
			a->task = TASK_VERSION;
		else
			break;
	}
	if (o == -1 && optind == argc)
		return;
	(void)fputs(usage, stderr);
	exit(2);
}

static void
report(void *arg, bool fatal, const char *file, int line, const char *what)
{
	(void)arg;
	(void)fprintf(stderr, "posternd: %s", fatal ? "" : "warning: ");
	if (line > 0)
		(void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
	else
		(void)fprintf(stderr, "%s: %s\n", file, what);
}

/* What is opened later must not become our standard error. */
static void
occupy_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static int
dump(const struct config *c)
{
	config_dump(c, stdout);
	return fflush(stdout) != 0;
}

int
main(int argc, char **argv)
{
	struct arguments a;
	struct config *c;
	int status;

	occupy_standard_files();
	/* A log whose reader is gone costs its lines, not the service. */
	(void)signal(SIGPIPE, SIG_IGN);
	replace_remember(argv);
	read_arguments(&a, argc, argv);
	if (a.task == TASK_VERSION)
		return puts("posternd " PACKAGE_VERSION) < 0;
	conf = c = config_load(a.conf_path, report, NULL);
	if (c == NULL)
		return 1;
	log_open("supervisor", (enum log_level)conf->log_level);
	if (a.task == TASK_SERVE)
		return supervisor_run(c, a.conf_path);
	if (a.task == TASK_CHECK)
		status = check_run();
	else
		status = dump(c);
	conf = NULL;
	config_free(&c);
	return status;
}
