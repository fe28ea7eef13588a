/* SPDX-License-Identifier: ISC */
/*
 * A worker: one request at a time, from accept to answer, and then nothing
 * of it is left.
 */
#include "worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "domain/identity_token.h"
#include "domain/signing_key.h"
#include "domain/token_cache.h"
#include "http/request.h"
#include "http/response.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/fcgi.h"
#include "platform/log.h"
#include "platform/self.h"
#include "platform/yescrypt.h"
#include "process.h"
#include "render/template.h"

#define START_LATE_MS 600 /* of the time a request has for the database */
#define MEMORY_EVERY 64   /* requests between looks at the memory */

struct worker {
	enum pool pool;
	struct process process;
	struct fcgi *fcgi;
	const struct templates *templates;
	struct signing_keys *signing;
	struct identity_tokens *identity_tokens;
	struct token_cache *verified;
};

static void
set_clock(struct worker *w)
{
	w->process.unit.now = clock_unix_ms() / 1000;
}

/* After the answer, so that nobody waits for it; before a request only while
 * there is no key to serve it with (and see signing_keys_freshen()). */
static void
refresh_keys(struct worker *w)
{
	if (signing_keys_refresh(&w->process.unit, w->signing,
		SIGNING_KEYS_SOON_MS) != OK)
		log_event(DEBUG, "key.stale", "%s", "");
}

static void
open_worker(struct worker *w, enum pool pool, int fd)
{
	w->pool = pool;
	process_start(&w->process,
	    pool == POOL_WEB ? PROCESS_WEB : PROCESS_PASSWORD, fd);
	if (pool == POOL_PASSWORD)
		yescrypt_open();
	w->templates = process_templates();
	w->signing = signing_keys_new();
	w->process.unit.signing = w->signing;
	w->identity_tokens = identity_tokens_new();
	w->process.unit.identity_tokens = w->identity_tokens;
	w->verified = token_cache_new();
	w->process.unit.verified = w->verified;
	w->fcgi = fcgi_open(fd);
	/* Shortly: if it is away, requests are to be told so. */
	db_request(w->process.db);
	db_late(w->process.db, START_LATE_MS);
	refresh_keys(w);
}

/* How long nginx has had the request for us, whole; 0 where it does not say. */
static int64_t
waited_ms(const struct worker *w)
{
	const char *text = fcgi_param(w->fcgi, "REQUEST_MSEC"), *dot;
	int64_t ms;

	dot = text == NULL ? NULL : strchr(text, '.');
	if (dot == NULL || strspn(text, "0123456789.") != strlen(text) ||
	    dot - text > 12 || strlen(dot) != 4)
		return 0;
	ms = clock_unix_ms() - strtoll(text, NULL, 10) * 1000 -
	    strtoll(dot + 1, NULL, 10);
	return ms < 0 ? 0 : ms;
}

/*
 * Waits for the next request; false when it is time to leave.  The waiting
 * alone has no end: from there to the next one, whatever this is at, a
 * request, the parsing of one, or leaving, it has request_timeout.
 */
static bool
next(const struct worker *w)
{
	bool awake;

	do {
		process_watchdog(0);
		awake = fcgi_wait(w->fcgi, process_unblocked(), -1);
		process_watchdog(conf->request_timeout * 1000);
	} while (awake && !fcgi_take(w->fcgi));
	return awake;
}

static void
serve(struct worker *w)
{
	struct unit *u = &w->process.unit;
	struct request req;
	struct response res;
	struct call c = { .u = u, .req = &req, .res = &res };
	const char *kid;

	set_clock(w);
	db_request(w->process.db);
	db_late(w->process.db, waited_ms(w));
	if (signing_keys_current(w->signing, &kid) == NULL)
		refresh_keys(w);
	c.templates = w->templates;
	request_read(&req, w->fcgi, u->mem);
	c.language = language_choose(req.accept_language, NULL);
	log_request(req.id);
	response_init(&res, u->mem);
	router_serve(&c, routes, w->pool);
	response_send(&res, w->fcgi, req.method == METHOD_HEAD);
	fcgi_finish(w->fcgi);
	log_request("");
	if (signing_keys_current(w->signing, &kid) != NULL) {
		db_request(w->process.db);
		refresh_keys(w);
	}
	arena_reset(u->mem);
}

/*
 * Whether this process keeps more memory than it may, looked at now and
 * then.  Leaving in time is better than being killed in the middle.
 */
static bool
is_bloated(int64_t served)
{
	if (served % MEMORY_EVERY != 0)
		return false;
	if (self_memory_kib() <= conf->worker_memory * 1024)
		return false;
	log_event(WARN, "worker.bloated", "kib=%ld", self_memory_kib());
	return true;
}

static void
close_worker(struct worker *w)
{
	fcgi_close(&w->fcgi);
	db_close(&w->process.db);
	signing_keys_free(&w->signing);
	identity_tokens_free(&w->identity_tokens);
	token_cache_free(&w->verified);
	arena_free(&w->process.mem);
}

void
worker_run(enum pool pool, int fd)
{
	struct worker w;
	int64_t served = 0;

	open_worker(&w, pool, fd);
	while (!process_stopping()) {
		if (!next(&w))
			continue;
		serve(&w);
		if (++served >= conf->worker_requests || is_bloated(served))
			process_stop();
	}
	/* What was accepted already is nobody else's to answer. */
	fcgi_drain(w.fcgi);
	while (next(&w))
		serve(&w);
	close_worker(&w);
	exit(0);
}
