/* SPDX-License-Identifier: ISC */
#ifndef CHECK_H
#define CHECK_H

/*
 * What `posternd -t` looks at once the configuration was read: templates,
 * the secrets and database access of every process, the schema's version,
 * whether the key file opens the signing keys, the sockets' group, the
 * separation of users.  Writes a sentence a finding to standard error
 * and returns the exit status.
 */
int check_run(void);

/*
 * The same without the database: what a reload tries, which must go through
 * while the database is away.
 */
int check_without_database(void);

#endif
