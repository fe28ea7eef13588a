/* SPDX-License-Identifier: ISC */
#ifndef MAILER_H
#define MAILER_H

/*
 * The mailer: outbox → SMTP.  The only process with SMTP credentials and the
 * only one that mints one-time tokens; it has no key.
 */

/* A child of the supervisor, right after fork; does not return. */
_Noreturn void mailer_run(void);

#endif
