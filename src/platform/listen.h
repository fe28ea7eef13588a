/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_LISTEN_H
#define PLATFORM_LISTEN_H

/*
 * A listening unix socket at path, non-blocking and close-on-exec, mode 0660
 * and of this group ("" leaves the group).  A socket that nobody listens on
 * is replaced; one that a running server answers or may answer, or a file of
 * another kind, ends the start (log_fatal).
 */
int listen_unix(const char *path, const char *group);

/* Ends the process (log_fatal) unless there is such a group; "" will do. */
void listen_check_group(const char *name);

/* Makes the folder of the sockets, mode 0750 and of this group, unless it is
 * there. */
void listen_make_folder(const char *path, const char *group);

/*
 * The listening socket of that file name ("web.sock") that was handed to
 * this process by systemd, or by anything that speaks its protocol
 * (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS), made non-blocking and
 * close-on-exec; -1 when there is none.
 */
int listen_inherited(const char *name);

/*
 * Readies fds[0..n-1] to be inherited in this way by a program that this
 * process executes in its own place; they become 3, 4 …
 */
void listen_hand_on(const int *fds, int n);

#endif
