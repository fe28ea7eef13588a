/* SPDX-License-Identifier: ISC */
/*
 * Rate limits.  A limit is a chain of buckets, taken in the table's order in
 * one statement; every process takes them in that order, so no two can wait
 * for each other.  A bucket's row is named by an HMAC: the table tells
 * nobody which addresses were tried.
 */
#include "domain/ratelimit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/log.h"

#define WIDER 10      /* how much wider an IPv6 /48 is than a /64 */
#define BUCKETS_MAX 6 /* of one limit */
#define NAME_BYTES 16 /* of the HMAC that names a row */

enum scope {
	SCOPE_CLIENT,
	SCOPE_PAIR, /* client and account together */
	SCOPE_ACCOUNT,
};

static const struct bucket {
	enum limit limit;
	enum scope scope;
	const char *name;
	size_t rate; /* offset of its struct rate in the configuration */
} buckets[] = {
#define RATE_OF(option) offsetof(struct config, option)
	{ LIMIT_OTHER, SCOPE_CLIENT, "other", RATE_OF(limit_other) },
	{ LIMIT_LOGIN, SCOPE_CLIENT, "login-minute",
	    RATE_OF(limit_login_minute) },
	{ LIMIT_LOGIN, SCOPE_CLIENT, "login-hour", RATE_OF(limit_login_hour) },
	{ LIMIT_LOGIN, SCOPE_PAIR, "login", RATE_OF(limit_login) },
	{ LIMIT_REGISTER, SCOPE_CLIENT, "register", RATE_OF(limit_register) },
	{ LIMIT_FORGOT, SCOPE_CLIENT, "forgot", RATE_OF(limit_forgot) },
	{ LIMIT_RESEND, SCOPE_CLIENT, "resend", RATE_OF(limit_resend) },
	{ LIMIT_FORGOT_MAILBOX, SCOPE_ACCOUNT, "forgot-mailbox",
	    RATE_OF(limit_forgot_mailbox) },
	{ LIMIT_RESEND_MAILBOX, SCOPE_ACCOUNT, "resend-mailbox",
	    RATE_OF(limit_resend_mailbox) },
	{ LIMIT_CHANGE_EMAIL, SCOPE_ACCOUNT, "change-email",
	    RATE_OF(limit_change_email) },
};

/* The chain of one call, ready to be asked for. */
struct chain {
	struct arena *mem;
	const struct key_ring *keys;
	struct buf names, intervals, bursts; /* PostgreSQL arrays */
	int n;
	struct limit_refusal quota[BUCKETS_MAX];
};

static const struct db_query take = {
	.name = "ratelimit_take",
	.text = "SELECT refused, ceil(retry_after)::bigint"
		" FROM postern.rate_limit_take($1, $2, $3)",
	.nparams = 3,
	.writes = true,
};

/*
 * Appends a bucket: "name:" and the HMAC of name and value, all of which
 * need no quoting in an array's text.
 */
static void
chain_add(struct chain *c, const struct bucket *b, int wider, const char *value)
{
	const struct rate *rate = (const void *)((const char *)conf + b->rate);
	const char *text = arena_printf(c->mem, "%s|%s", b->name, value);
	const char *comma = c->n == 0 ? "" : ",";
	unsigned char mac[SHA256_SIZE];
	char name[BASE64URL_SIZE(NAME_BYTES)];
	int64_t count = rate->count * wider;

	must(c->n < BUCKETS_MAX);
	crypto_hmac(mac, c->keys->limit, text, strlen(text));
	base64url_encode(name, mac, NAME_BYTES);
	buf_printf(&c->names, "%s%s:%s", comma, b->name, name);
	buf_printf(&c->intervals, "%s%.9f", comma,
	    (double)rate->period / (double)count);
	buf_printf(&c->bursts, "%s%lld", comma, (long long)count);
	c->quota[c->n++] = (struct limit_refusal){
		.name = b->name,
		.count = count,
		.period = rate->period,
	};
}

/*
 * What a client counts as: IPv4 by itself, IPv6 by its network, and then
 * also, into wide, by the /48 around it ("" where there is none).
 */
static void
client_names(const char *client, char narrow[64], char wide[64])
{
	struct in6_addr a6;
	char text[INET6_ADDRSTRLEN];

	(void)snprintf(narrow, 64, "%s", client);
	wide[0] = '\0';
	if (inet_pton(AF_INET6, client, &a6) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&a6)) {
		must(inet_ntop(AF_INET, a6.s6_addr + 12, text, sizeof text));
		(void)snprintf(narrow, 64, "%s", text);
		return;
	}
	memset(a6.s6_addr + 8, 0, 8);
	must(inet_ntop(AF_INET6, &a6, text, sizeof text));
	(void)snprintf(narrow, 64, "%s/64", text);
	memset(a6.s6_addr + 6, 0, 10);
	must(inet_ntop(AF_INET6, &a6, text, sizeof text));
	(void)snprintf(wide, 64, "%s/48", text);
}

/* The rows that one bucket stands for. */
static void
chain_add_bucket(struct chain *c, const struct bucket *b, const char *client,
    const char *account)
{
	char narrow[64], wide[64];

	if (b->scope == SCOPE_ACCOUNT) {
		must(account != NULL);
		chain_add(c, b, 1, account);
		return;
	}
	client_names(client, narrow, wide);
	if (b->scope == SCOPE_PAIR) {
		must(account != NULL);
		chain_add(c, b, 1,
		    arena_printf(c->mem, "%s|%s", narrow, account));
		return;
	}
	chain_add(c, b, 1, narrow);
	if (*wide != '\0')
		chain_add(c, b, WIDER, wide);
}

static void
chain_init(struct chain *c, struct unit *u)
{
	must(u->keys != NULL);
	*c = (struct chain){ .mem = u->mem, .keys = u->keys };
	buf_init(&c->names, u->mem);
	buf_init(&c->intervals, u->mem);
	buf_init(&c->bursts, u->mem);
	buf_putc(&c->names, '{');
	buf_putc(&c->intervals, '{');
	buf_putc(&c->bursts, '{');
}

static void
chain_end(struct chain *c)
{
	must(c->n > 0);
	buf_putc(&c->names, '}');
	buf_putc(&c->intervals, '}');
	buf_putc(&c->bursts, '}');
}

enum err
ratelimit_take(struct unit *u, enum limit limit, const char *client,
    const char *account, struct limit_refusal *refusal)
{
	struct chain c;
	struct db_rows r;
	int64_t refused;
	enum err e;

	if (limit == LIMIT_NONE)
		return OK;
	chain_init(&c, u);
	for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
		if (buckets[i].limit == limit)
			chain_add_bucket(&c, &buckets[i], client, account);
	chain_end(&c);
	if ((e = unit_run(u, &take,
		 DB_PARAMS(db_text(c.names.data), db_text(c.intervals.data),
		     db_text(c.bursts.data)),
		 &r)) != OK)
		return e;
	refused = db_get_int(&r, 0, 0);
	if (refused == 0)
		return OK;
	must(refused <= c.n);
	*refusal = c.quota[refused - 1];
	refusal->retry_after = db_get_int(&r, 0, 1);
	if (refusal->retry_after < 1)
		refusal->retry_after = 1;
	log_event(INFO, "limit.refused", "limit=%s", refusal->name);
	return ERR_LIMITED;
}
