/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_SANDBOX_H
#define PLATFORM_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * What a process gives up, in this order, before it reads its first foreign
 * byte: root (users apart from each other), new privileges, core dumps and
 * being traced, files it may not need.  Any step that fails ends the process
 * (log_fatal).
 */

/*
 * The supervisor, when root: keeps only CAP_SETUID, CAP_SETGID and CAP_KILL
 * (capabilities(7)).  Nothing when not root.
 */
void sandbox_supervisor(void);

struct sandbox {
	pid_t parent;     /* without which this process does not go on */
	const char *user; /* to become, when root; else nobody changes */
	int nice;         /* added to the niceness */
	int max_files;    /* RLIMIT_NOFILE */
};

/* A child, after it opened its own secrets. */
void sandbox_child(const struct sandbox *s);

/* Closes every descriptor over 2 but keep, -1 for none (close_range(2)). */
void sandbox_close_files(int keep);

/* Whether this process can become others: started as root. */
bool sandbox_separates(void);

#endif
