/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_EXPIRY_H
#define DOMAIN_EXPIRY_H

#include <stdbool.h>

#include "domain/unit.h"

/*
 * What is over is deleted: in batches, so that no lock is held for long.
 */

/*
 * Whether this connection is the cluster's one janitor: takes the advisory
 * lock, or finds that it holds it already.
 */
enum err expiry_lock(struct unit *u, bool *ours) MUST_USE;

/* Deletes one batch of each kind; *more tells that a batch was full. */
enum err expiry_run(struct unit *u, bool *more) MUST_USE;

/* Makes the partitions the audit needs for this month and the next. */
enum err expiry_partitions(struct unit *u) MUST_USE;

#endif
