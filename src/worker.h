/* SPDX-License-Identifier: ISC */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "handlers/call.h"

/*
 * What a worker shows its supervisor, in shared memory: since when it has
 * been at its request (clock_steady_ms()), 0 while it waits.
 */
struct worker_slot {
	_Atomic int64_t busy_since;
};

/*
 * A worker of pool on the listening socket fd, right after fork.  Does not
 * return: leaves after SIGTERM or worker_requests requests, the one in hand
 * finished.
 */
_Noreturn void worker_run(enum pool pool, int fd, struct worker_slot *slot);

#endif
