/* SPDX-License-Identifier: ISC */
/*
 * The mailer's round: lease a mail, write it, have a child send it
 * (mail_child.h), record what became of it.
 *
 * Nothing here ends because the database or the relay is away.  A mail whose
 * end could not be recorded is sent again when its lease is over, with the
 * same Message-ID.
 */
#include "mailer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "domain/outbox.h"
#include "mail_child.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/log.h"
#include "process.h"
#include "render/mail.h"
#include "render/template.h"

#define POLL_MS 30000   /* notifications should come; this is in case not */
#define POOLER_MS 1000  /* through a pooler none come */
#define PAUSE_MS 20     /* where others hold what is due */
#define AWAY_MS 1000    /* between tries while the database is away */
#define RECORD_TRIES 60 /* to record an outcome, AWAY_MS apart */
#define RETRY_MOST 3600 /* seconds between two tries at most */
#define LEASE_SPARE 120 /* seconds of a lease beyond sending: recording */

struct mailer {
	struct process process;
	const struct templates *templates;
};

/* Writing. */

/* The host of public_url, for the right side of a Message-ID. */
static char *
own_host(struct arena *mem)
{
	const char *host = strstr(conf->public_url, "://");
	size_t n;

	host = host == NULL ? conf->public_url : host + 3;
	n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return arena_memdup(mem, host, strnlen(host, n));
}

/* The message, or NULL when an address is not fit for one. */
static char *
write_mail(const struct mailer *m, const struct outbox_mail *mail, size_t *n)
{
	struct arena *mem = m->process.mem;
	const struct mail_kind_row *kind = &mail_kinds[mail->kind];
	char id[UUID_TEXT];
	struct mail text = {
		.name = kind->name,
		.language = language_choose(NULL, mail->locale),
		.recipient = mail->recipient,
		.message_id = arena_printf(mem, "%s@%s",
		    uuid_text(id, &mail->id), own_host(mem)),
		.lifetime = one_time_token_lifetime(conf, kind->purpose),
	};

	if (kind->path != NULL)
		text.link =
		    arena_printf(mem, "%s%s%s%s", conf->public_url, kind->path,
			*mail->token == '\0' ? "" : "?token=", mail->token);
	return mail_compose(mem, m->templates, &text, n);
}

/* Recording. */

/* Seconds until the next try: doubled with each, up to RETRY_MOST. */
static int64_t
pause_after(int attempts)
{
	int64_t pause = conf->mail_retry;

	for (int i = 1; i < attempts && pause < RETRY_MOST; i++)
		pause *= 2;
	return pause < RETRY_MOST ? pause : RETRY_MOST;
}

static enum err
record_once(struct mailer *m, const struct outbox_mail *mail,
    const struct smtp_result *r)
{
	struct unit *u = &m->process.unit;

	process_step(&m->process, 0);
	db_request(u->db);
	switch (r->outcome) {
	case SMTP_DELIVERED:
		return outbox_delivered(u, mail);
	case SMTP_LATER:
		return outbox_retry(u, mail, pause_after(mail->attempts),
		    r->what);
	case SMTP_REFUSED:
		return outbox_dead(u, mail, r->what);
	}
	return ERR_INTERNAL;
}

/* Waits unless it is time to leave. */
static void
rest(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	process_watchdog(0);
	if (!process_stopping())
		(void)ppoll(NULL, 0, &t, process_unblocked());
}

static void
record(struct mailer *m, const struct outbox_mail *mail,
    const struct smtp_result *r)
{
	char id[UUID_TEXT];

	for (int tries = 1; record_once(m, mail, r) != OK; tries++) {
		if (tries == RECORD_TRIES || process_stopping()) {
			log_event(ERROR, "mail.unrecorded", "id=%s",
			    uuid_text(id, &mail->id));
			return;
		}
		rest(AWAY_MS);
	}
}

static void
log_outcome(const struct outbox_mail *mail, const struct smtp_result *r)
{
	static const struct {
		enum log_level level;
		const char *event;
	} as[] = {
		[SMTP_DELIVERED] = { INFO, "mail.sent" },
		[SMTP_LATER] = { WARN, "mail.retry" },
		[SMTP_REFUSED] = { WARN, "mail.dead" },
	};
	char id[UUID_TEXT], account[UUID_TEXT];

	log_event(as[r->outcome].level, as[r->outcome].event,
	    "id=%s kind=%s account=%s attempt=%d what=%s",
	    uuid_text(id, &mail->id), mail_kinds[mail->kind].name,
	    uuid_text(account, &mail->account), mail->attempts, r->what);
}

/* The round. */

static void
handle(struct mailer *m, const struct outbox_mail *mail)
{
	struct smtp_result r;
	size_t n;
	char *message = write_mail(m, mail, &n);

	if (message != NULL)
		r = mail_child_send(&m->process, mail->recipient, message, n);
	else
		r = smtp_result(SMTP_REFUSED,
		    "an address is not fit for a mail header", 0, NULL);
	log_outcome(mail, &r);
	record(m, mail, &r);
}

/* One mail, or a wait for the next. */
static void
work(struct mailer *m)
{
	struct unit *u = &m->process.unit;
	struct outbox_mail mail;
	int64_t ms = 0;
	bool found;

	process_step(&m->process, 0);
	db_request(u->db);
	u->now = clock_unix_ms() / 1000;
	if (outbox_lease(u, conf->smtp_timeout + LEASE_SPARE, &found, &mail) !=
	    OK) {
		explicit_bzero(mail.token, sizeof mail.token);
		rest(AWAY_MS);
		return;
	}
	if (found) {
		handle(m, &mail);
		explicit_bzero(mail.token, sizeof mail.token);
		return;
	}
	if (outbox_next_due(u, conf->database_prepare ? POLL_MS : POOLER_MS,
		&ms) != OK) {
		rest(AWAY_MS);
		return;
	}
	process_watchdog(0);
	(void)db_wait(u->db, process_unblocked(),
	    ms < PAUSE_MS ? PAUSE_MS : (int)ms);
}

static void
start(struct mailer *m)
{
	process_start(&m->process, PROCESS_MAILER, -1);
	m->templates = process_templates();
	outbox_listen(&m->process.unit);
}

void
mailer_run(void)
{
	struct mailer m;
	char *password;

	start(&m);
	while (!process_stopping()) {
		work(&m);
		arena_reset(m.process.mem); /* the message and its link */
	}
	password = m.process.smtp_password;
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	db_close(&m.process.db);
	arena_free(&m.process.mem);
	exit(0);
}
