/* SPDX-License-Identifier: ISC */
#ifndef TRIAL_H
#define TRIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct config;

/*
 * What changes the service is tried first, in a child, while the old serves
 * on.  One trial at a time.
 */
enum change {
	CHANGE_NONE,
	CHANGE_CONFIGURATION,
	CHANGE_PROGRAM
};

struct trial {
	enum change change; /* CHANGE_NONE: nothing is tried */
	pid_t pid;
	int64_t began;
	bool killed;
};

#define TRIAL_MOST_MS 60000 /* all roles at a silent database take less */

/*
 * Begins: of fresh, for CHANGE_CONFIGURATION, or of the program that now
 * lies in this one's place.  False when there is no process for it, which is
 * then logged.
 */
bool trial_begin(struct trial *t, enum change change,
    const struct config *fresh);

/* Whether that child is the one that tries. */
bool trial_is(const struct trial *t, pid_t pid);

/* Kills the child once it takes too long, which is logged; or at once. */
void trial_watch(struct trial *t);
void trial_kill(struct trial *t);

/*
 * The child ended with this status: returns what may take over, CHANGE_NONE
 * when it did not pass, which is logged.  From then on nothing is tried and
 * no pid is the trial's.
 */
enum change trial_end(struct trial *t, int status);

#endif
