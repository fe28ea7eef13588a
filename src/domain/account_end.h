/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_END_H
#define DOMAIN_ACCOUNT_END_H

#include "domain/unit.h"

struct session;

/*
 * What a person can ask of us about all that we hold: to see it, and to have
 * it gone.
 */

/*
 * Deletes the account of whom account_reauthenticate() knew under this epoch
 * (else ERR_CREDENTIALS), with all its sessions, links and mails; a last mail
 * confirms it.  The address is free at once.
 */
enum err account_delete(struct unit *u, const struct session *s,
    int epoch) MUST_USE;

/*
 * All that is held about the account of a live session, as JSON in the
 * unit's memory.  ERR_TOKEN_INVALID when the session ended meanwhile.
 */
enum err account_export(struct unit *u, const struct session *s,
    const char **json) MUST_USE;

#endif
