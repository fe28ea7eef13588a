/* SPDX-License-Identifier: ISC */
#ifndef MAIL_CHILD_H
#define MAIL_CHILD_H

#include <stddef.h>

#include "platform/smtp.h"

struct process;

/*
 * Sends one message in a child of the mailer p, and waits for it.  The child
 * is there because an SMTP library is a lot of code that reads foreign bytes
 * and blocks: it has the message and the relay's password, no database, and
 * what it says is trusted no more than the server it talked to.
 *
 * Signals are let in meanwhile, only to be noted: the mail in hand is
 * finished.
 */
struct smtp_result mail_child_send(const struct process *p,
    const char *recipient, const char *message, size_t n);

#endif
