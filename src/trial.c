/* SPDX-License-Identifier: ISC */
/*
 * The trial of a change.  Its child leads a process group, so that all of it
 * ends together: what hangs may be a child of that child.
 */
#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "check.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/log.h"
#include "replace.h"

static void
refuse(enum change change, const char *what)
{
	log_event(ERROR,
	    change == CHANGE_PROGRAM ? "replace.refused" : "reload.refused",
	    "what=%s: nothing has changed", what);
}

_Noreturn static void
run(enum change change, const struct config *fresh)
{
	(void)setpgid(0, 0);
	if (change == CHANGE_PROGRAM)
		replace_check();
	conf = fresh;
	exit(check_without_database());
}

bool
trial_begin(struct trial *t, enum change change, const struct config *fresh)
{
	pid_t pid;

	must(t->change == CHANGE_NONE && change != CHANGE_NONE);
	pid = fork();
	if (pid == 0)
		run(change, fresh);
	if (pid < 0) {
		log_event(ERROR, "trial.fork", "what=%s", strerror(errno));
		refuse(change, "there is no process to try it in");
		return false;
	}
	*t = (struct trial){ change, pid, clock_steady_ms(), false };
	return true;
}

bool
trial_is(const struct trial *t, pid_t pid)
{
	return t->change != CHANGE_NONE && t->pid == pid;
}

void
trial_kill(struct trial *t)
{
	if (t->change == CHANGE_NONE || t->killed)
		return;
	/* Its group is not there yet when it has not run at all. */
	if (kill(-t->pid, SIGKILL) != 0)
		(void)kill(t->pid, SIGKILL);
	t->killed = true;
}

void
trial_watch(struct trial *t)
{
	if (t->change == CHANGE_NONE || t->killed ||
	    clock_steady_ms() - t->began <= TRIAL_MOST_MS)
		return;
	refuse(t->change, "the check took too long and was ended");
	trial_kill(t);
}

enum change
trial_end(struct trial *t, int status)
{
	const struct trial ended = *t;

	must(ended.change != CHANGE_NONE);
	*t = (struct trial){ .change = CHANGE_NONE };
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ended.change;
	if (!ended.killed)
		refuse(ended.change, "it does not pass the check, see above");
	return CHANGE_NONE;
}
