/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_LOCKS_H
#define DOMAIN_LOCKS_H

/*
 * The advisory locks of the database, all in one place: two that share a
 * number wait for each other without a reason.  Written into statements.
 */
#define LOCK_EXPIRY "7810212001"       /* session: who is the janitor */
#define LOCK_SCHEMA "7810212002"       /* session: one migration at a time */
#define LOCK_KEY_ROTATION "7810212003" /* transaction: one change of keys */

#endif
