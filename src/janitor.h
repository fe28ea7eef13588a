/* SPDX-License-Identifier: ISC */
#ifndef JANITOR_H
#define JANITOR_H

/*
 * The janitor: deletes what is over, makes signing keys and partitions.  One
 * runs a cluster; the others wait for its lock.
 */

/* A child of the supervisor, right after fork; does not return. */
_Noreturn void janitor_run(void);

#endif
