/* SPDX-License-Identifier: ISC */
/* The janitor's round: keys first, because nobody signs in without one. */
#include "janitor.h"

#include <poll.h>
#include <stdlib.h>

#include "base/arena.h"
#include "domain/expiry.h"
#include "domain/key_rotation.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/log.h"
#include "process.h"

#define ROUND_MS 60000
#define AGAIN_MS 1000 /* after a full batch, or with the database away */
/* First rounds that follow each other soon, when the lock is taken: it may be
 * the janitor that this one replaces, on its way out. */
#define EAGER 20

static enum err
turn_keys(struct unit *u)
{
	struct key_rotation done;
	enum err e;

	if ((e = key_rotation_run(u, &done)) != OK)
		return e;
	if (done.first[0] != '\0')
		log_event(INFO, "key.created", "kid=%s algorithm=ES256",
		    done.first);
	if (done.next[0] != '\0')
		log_event(INFO, "key.next", "kid=%s algorithm=ES256",
		    done.next);
	if (done.retired + done.deleted > 0)
		log_event(INFO, "key.over", "retired=%d deleted=%d",
		    done.retired, done.deleted);
	return OK;
}

/* The round of that number; returns the milliseconds until the next. */
static int
work(struct process *p, int64_t round)
{
	struct unit *u = &p->unit;
	bool ours = false, more = false;

	process_step(p, 0);
	db_request(u->db);
	u->now = clock_unix_ms() / 1000;
	/* A pooler would keep the lock for whoever comes next: without it two
	 * janitors do the same work twice, which harms nothing. */
	if (conf->database_prepare && expiry_lock(u, &ours) != OK)
		return AGAIN_MS;
	if (conf->database_prepare && !ours)
		return round < EAGER ? AGAIN_MS : ROUND_MS;
	if (turn_keys(u) != OK)
		return AGAIN_MS;
	/* Either may have to wait for somebody: the next round will do. */
	if (expiry_partitions(u) != OK || expiry_run(u, &more) != OK)
		log_event(WARN, "janitor.behind", "%s", "");
	return more ? AGAIN_MS : ROUND_MS;
}

void
janitor_run(void)
{
	struct process p;

	process_start(&p, PROCESS_JANITOR, -1);
	for (int64_t round = 0; !process_stopping(); round++) {
		int ms = work(&p, round);
		struct timespec t = { ms / 1000, 0 };

		arena_reset(p.mem);
		process_watchdog(0);
		if (!process_stopping())
			(void)ppoll(NULL, 0, &t, process_unblocked());
	}
	db_close(&p.db);
	arena_free(&p.mem);
	exit(0);
}
