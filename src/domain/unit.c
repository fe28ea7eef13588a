/* SPDX-License-Identifier: ISC */
/* The unit of work: a request's memory, clock, database and keys. */
#include "domain/unit.h"

#include <stdlib.h>
#include <string.h>

#include "platform/config.h"
#include "platform/crypto.h"

/* The names are part of the data at rest: changing one orphans it. */
static void
derive(struct key_ring *k, const unsigned char master[KEY_SIZE])
{
	crypto_derive(k->refresh, master, "postern refresh token 1");
	crypto_derive(k->limit, master, "postern rate limit 1");
	crypto_derive(k->claim, master, "postern claim cookie 1");
	crypto_derive(k->seal, master, "postern sealed signing key 1");
}

const char *
key_ring_read(struct key_ring *k, const char *path)
{
	unsigned char master[KEY_SIZE];
	const char *why = NULL;
	char *text;
	int n;

	text = config_read_secret(path, &why);
	if (text == NULL)
		return why;
	n = hex_decode(master, sizeof master, text, strlen(text));
	explicit_bzero(text, strlen(text));
	free(text);
	if (n != KEY_SIZE)
		return "it must be 64 hexadecimal digits: make one with "
		       "`openssl rand -hex 32`";
	derive(k, master);
	explicit_bzero(master, sizeof master);
	return NULL;
}

enum err
unit_run(struct unit *u, const struct db_query *q,
    const struct db_param *params, struct db_rows *r)
{
	return db_run(u->db, u->mem, q, params, r);
}

enum err
unit_send(struct unit *u, const struct db_query *q,
    const struct db_param *params)
{
	return db_send(u->db, q, params);
}

enum err
unit_begin(struct unit *u)
{
	return db_begin(u->db);
}

enum err
unit_commit(struct unit *u)
{
	enum err e = db_commit(u->db);

	return e == OK ? OK : unit_rollback(u, e);
}

enum err
unit_rollback(struct unit *u, enum err e)
{
	db_rollback(u->db);
	return e;
}

struct uuid
unit_uuid(const struct unit *u)
{
	unsigned char random[10];

	crypto_random(random, sizeof random);
	return uuid_v7(u->now * 1000, random);
}
