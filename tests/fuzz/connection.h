/* SPDX-License-Identifier: ISC */
#ifndef TESTS_FUZZ_CONNECTION_H
#define TESTS_FUZZ_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

struct fcgi;

/* What fits the buffer of a unix socket, so that nobody waits for anybody. */
#define CONNECTION_MAX 160000

/*
 * A web server and a worker in one process: sends n bytes over a connection
 * of its own, ends it, and lets the worker take it.  The worker with the
 * request ready, or NULL when it dropped the connection.
 */
struct fcgi *connection_serve(const void *bytes, size_t n);

/* Ends the request that connection_serve() gave. */
void connection_end(struct fcgi *f);

#endif
