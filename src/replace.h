/* SPDX-License-Identifier: ISC */
#ifndef REPLACE_H
#define REPLACE_H

#include <sys/types.h>

/*
 * A new posternd in the old one's place: the supervisor executes the program
 * that now lies where its own lay, keeping its pid, its sockets and its
 * children.  The new one starts children of its own and tells the old ones to
 * finish, so no request is lost.
 */

/* Notes how this process was started; before anything changes it. */
void replace_remember(char **argv);

/*
 * Tries the new program with -t, hands on the sockets and the children, and
 * executes it.  Returns only when it cannot: the reason is logged and nothing
 * has changed.
 */
void replace_exec(const int *fds, int nfds, const pid_t *children, int n);

/*
 * The children a predecessor left: fills at most n and returns how many.
 */
int replace_take_children(pid_t *children, int n);

#endif
