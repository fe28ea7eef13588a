/* SPDX-License-Identifier: ISC */
/* The exchange of the program under a running service (SIGUSR2). */
#include "replace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/listen.h"
#include "platform/log.h"

#define CHILDREN_VARIABLE "POSTERND_CHILDREN"
#define ARGS_MAX 16

static char program[4096];
static char *arguments[ARGS_MAX + 2];

void
replace_remember(char **argv)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	int i;

	/* /proc may be absent; then argv[0] has to do. */
	if (n < 0)
		(void)snprintf(program, sizeof program, "%s", argv[0]);
	for (i = 0; argv[i] != NULL && i < ARGS_MAX; i++)
		arguments[i] = argv[i];
	arguments[i] = NULL;
}

/* Whether the new program takes the configuration: its -t says so. */
static bool
passes_check(void)
{
	char check[] = "-t";
	char *args[ARGS_MAX + 2];
	int status, i;
	pid_t pid;

	for (i = 0; arguments[i] != NULL; i++)
		args[i] = arguments[i];
	args[i++] = check;
	args[i] = NULL;
	pid = fork();
	if (pid == 0) {
		(void)execv(program, args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
hand_on_children(const pid_t *children, int n)
{
	size_t size = (size_t)n * 12 + 1;
	char *text = calloc(1, size), *at = text;

	must(text != NULL);
	for (int i = 0; i < n; i++)
		at += sprintf(at, "%ld,", (long)children[i]);
	must(setenv(CHILDREN_VARIABLE, text, 1) == 0);
	free(text);
}

void
replace_exec(const int *fds, int nfds, const pid_t *children, int n)
{
	if (!passes_check()) {
		log_event(ERROR, "replace.refused",
		    "program=%s what=\"it does not pass -t: the running one"
		    " stays\"",
		    program);
		return;
	}
	log_event(INFO, "replace.now", "program=%s", program);
	hand_on_children(children, n);
	listen_hand_on(fds, nfds);
	(void)execv(program, arguments);
	log_event(ERROR, "replace.failed", "program=%s what=\"%s\"", program,
	    strerror(errno));
}

int
replace_take_children(pid_t *children, int n)
{
	const char *text = getenv(CHILDREN_VARIABLE);
	int found = 0;

	while (text != NULL && *text != '\0' && found < n) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text || pid <= 1)
			break;
		children[found++] = (pid_t)pid;
		text = *end == ',' ? end + 1 : end;
	}
	(void)unsetenv(CHILDREN_VARIABLE);
	return found;
}
