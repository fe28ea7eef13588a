/* SPDX-License-Identifier: ISC */
#ifndef WORKER_H
#define WORKER_H

#include "handlers/call.h"

/*
 * A worker of pool on the listening socket fd, right after fork.  Does not
 * return: leaves after SIGTERM or worker_requests requests, the one in hand
 * finished.
 */
_Noreturn void worker_run(enum pool pool, int fd);

#endif
