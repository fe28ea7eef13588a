/* SPDX-License-Identifier: ISC */
#ifndef REPLACE_H
#define REPLACE_H

#include <stdbool.h>

#include "crew.h"

/*
 * A new posternd in the old one's place: the supervisor executes the program
 * that now lies where its own lay, keeping its pid, its sockets and its
 * children.  The new one starts children of its own and tells the old ones to
 * finish, so no request is lost.
 */

/* Notes how this process was started; before anything changes it. */
void replace_remember(char **argv);

/* In a forked child: executes the new program with -t in its place. */
_Noreturn void replace_check(void);

/*
 * Hands on the sockets (ours tells whose they are to remove) and the
 * children, and executes the new program.  Returns only when that fails.
 */
void replace_exec(const int *fds, int nfds, bool ours,
    const struct crew_member *children, int n);

/* The children a predecessor left: fills at most n and returns how many. */
int replace_take_children(struct crew_member *children, int n);

/* Whether the inherited sockets are a predecessor's, and so ours now. */
bool replace_owns_sockets(void);

#endif
