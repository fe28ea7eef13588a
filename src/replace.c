/* SPDX-License-Identifier: ISC */
/* The exchange of the program under a running service (SIGUSR2). */
#include "replace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/listen.h"
#include "platform/log.h"

#define CHILDREN_VARIABLE "POSTERND_CHILDREN"
#define OWNER_VARIABLE "POSTERND_OWNS_SOCKETS"
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

void
replace_check(void)
{
	char check[] = "-t";
	char *args[ARGS_MAX + 2];
	int i;

	for (i = 0; arguments[i] != NULL; i++)
		args[i] = arguments[i];
	args[i++] = check;
	args[i] = NULL;
	(void)execv(program, args);
	_exit(127);
}

/* "pid:kind," for each. */
static void
hand_on_children(const struct crew_member *children, int n)
{
	size_t size = (size_t)n * 24 + 1, at = 0;
	char *text = calloc(1, size);

	must(text != NULL);
	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%ld:%d,",
		    (long)children[i].pid, (int)children[i].kind);
	must(setenv(CHILDREN_VARIABLE, text, 1) == 0);
	free(text);
}

void
replace_exec(const int *fds, int nfds, bool ours,
    const struct crew_member *children, int n)
{
	log_event(INFO, "replace.now", "program=%s", program);
	hand_on_children(children, n);
	must(setenv(OWNER_VARIABLE, ours ? "1" : "0", 1) == 0);
	listen_hand_on(fds, nfds);
	(void)execv(program, arguments);
	log_event(ERROR, "replace.failed", "program=%s what=%s", program,
	    strerror(errno));
}

/* Reads one "pid:kind,"; false at the end of the text or at nonsense. */
static bool
take_child(const char **text, struct crew_member *c)
{
	char *end;
	long pid = strtol(*text, &end, 10), kind;

	if (end == *text || *end != ':' || pid <= 1)
		return false;
	*text = end + 1;
	kind = strtol(*text, &end, 10);
	if (end == *text || *end != ',' || kind < 0 || kind >= CREW_KINDS)
		return false;
	*text = end + 1;
	*c = (struct crew_member){ (pid_t)pid, (enum process_kind)kind };
	return true;
}

int
replace_take_children(struct crew_member *children, int n)
{
	const char *text = getenv(CHILDREN_VARIABLE);
	int found = 0;

	while (text != NULL && found < n && take_child(&text, &children[found]))
		found++;
	return found;
}

bool
replace_owns_sockets(void)
{
	const char *text = getenv(OWNER_VARIABLE);

	return text != NULL && strcmp(text, "1") == 0;
}
