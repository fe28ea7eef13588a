/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_MAIL_REQUEST_H
#define HANDLERS_MAIL_REQUEST_H

#include "domain/outbox.h"
#include "handlers/call.h"

/*
 * Queues a mail somebody asked for by typing an address, unless the mailbox
 * has had its share: then nothing is queued and nothing is told.  An address
 * that is none costs the same and goes nowhere.
 */
enum err mail_request_queue(struct call *c, enum mail_kind kind,
    enum limit mailbox) MUST_USE;

#endif
