/* SPDX-License-Identifier: ISC */
#ifndef CREW_H
#define CREW_H

#include <sys/types.h>

#include "process.h"

/*
 * The supervisor's children: who should run, who does, and the difference
 * mended the same way whether it comes from a start, a crash, a reload or
 * the end.
 */
#define CREW_MAX 1024 /* children at a time, the leaving ones counted */
#define CREW_KINDS (PROCESS_JANITOR + 1)

/* A child, for handing on to a successor. */
struct crew_member {
	pid_t pid;
	enum process_kind kind;
};

/* Once, before any other: makes the table and what it shares with workers. */
void crew_open(void);

/* The listening socket of a kind; -1 for none. */
void crew_set_socket(enum process_kind kind, int fd);

/* How many of each kind conf wants from now on. */
void crew_resize(void);

/* Starts what is missing, unless it died too young too often just now. */
void crew_fill(void);

/* All that run now are of an older generation: terminated once crew_fill()
 * started their successors. */
void crew_renew(void);

/* Children a predecessor left: of an older generation from the start. */
void crew_adopt(const struct crew_member *left, int n);

/* A child changed its state, as waitpid(2) says: it ended, or was stopped. */
void crew_reap(pid_t pid, int status);

/*
 * From now on all leave, but the pools only when mailer and janitor are gone:
 * a mail in hand may take long, and until then requests find somebody.
 */
void crew_leave(void);

/*
 * Kills who is over its deadline, and terminates who is to leave: the
 * older generations, and after crew_leave() the rest.
 */
void crew_watch(void);

/* Those that run, at most n into list (which may be NULL); how many. */
int crew_list(struct crew_member *list, int n);

#endif
