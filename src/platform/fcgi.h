/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_FCGI_H
#define PLATFORM_FCGI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The FastCGI side of a worker, over libfcgi.  One connection carries one
 * request (FCGI_KEEP_CONN is ignored).
 *
 * Connections are taken from the shared listening socket and looked at
 * (MSG_PEEK) until a whole request lies in their buffer; only then does
 * libfcgi, which cannot time out, read it.  So a peer that is slow, silent
 * or dead costs its own descriptor and nobody's time, and is closed after
 * FCGI_PATIENCE.
 */
#define FCGI_PATIENCE 5 /* seconds from accept to a whole request */

struct fcgi;

/*
 * Serves the listening, non-blocking descriptor fd, which stays the caller's.
 * Once a process: SIGPIPE is ignored from here on.
 */
struct fcgi *fcgi_open(int fd);

/* Closes whatever is pending; before, see fcgi_drain(). */
void fcgi_close(struct fcgi **fp);

/*
 * Takes no more connections.  fcgi_wait() goes on with those that were
 * accepted before and is false when none is left (within FCGI_PATIENCE), so
 * that a worker that leaves loses none.
 */
void fcgi_drain(struct fcgi *f);

/*
 * Waits until there is something for fcgi_take().  Signals in unblocked may
 * interrupt the waiting and nothing else: the caller keeps them blocked.
 * False when a signal came, even if requests wait, or idle_ms (-1: for ever)
 * passed.  The request before must be finished.
 */
bool fcgi_wait(struct fcgi *f, const sigset_t *unblocked, int idle_ms);

/*
 * Goes one step on, without waiting: accepts a connection, or looks at one it
 * has.  True when there is a whole request to serve now.  A request whose peer
 * has closed its connection already is dropped.
 */
bool fcgi_take(struct fcgi *f);

/* A parameter of the current request, or NULL; the first of duplicates. */
const char *fcgi_param(const struct fcgi *f, const char *name);

/*
 * Reads the body to its end.  At most cap bytes are kept; *n is how many
 * came in all, so *n > cap tells of a larger one.  SIZE_MAX is one so large
 * that nobody waits for its end: nginx, which buffers, refuses it before us.
 * ERR_BODY_CUT when the peer broke off.
 */
enum err fcgi_body(struct fcgi *f, char *out, size_t cap, size_t *n) MUST_USE;

/* Sends n bytes of the answer; false once the peer is gone. */
bool fcgi_write(struct fcgi *f, const void *p, size_t n);

/* Ends the current request and closes its connection. */
void fcgi_finish(struct fcgi *f);

#endif
