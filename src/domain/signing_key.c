/* SPDX-License-Identifier: ISC */
/*
 * Signing keys: read from the table, unsealed, kept by the process.  A row
 * that does not unseal under our key file, or whose halves do not belong
 * together, does not exist for us.
 */
#include "domain/signing_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/log.h"

#define KEYS_MAX 16     /* newest first; older ones are over */
#define RETRY_MS 1000   /* after the database did not answer */
#define REREAD_MS 60000 /* how stale the keys at hand may be */
#define KID_BYTES 16
#define KID_TEXT BASE64URL_SIZE(KID_BYTES)
#define SEALED_MAX 512
#define PUBLIC_MAX 256

struct signing_keys {
	int n, current; /* current is -1 while none can sign */
	int64_t read_at;
	struct {
		char kid[KID_TEXT];
		struct es256 *key;
	} key[KEYS_MAX];
};

static const struct db_query all = {
	.name = "signing_key_all",
	.text = "SELECT kid, public_key, sealed_private_key,"
		"   octet_length(public_key), octet_length(sealed_private_key),"
		"   active_at <= now() AND retired_at IS NULL"
		" FROM postern.signing_key"
		" WHERE algorithm = 'ES256'"
		"   AND (expires_at IS NULL OR expires_at > now())"
		" ORDER BY active_at DESC, kid LIMIT 16",
};

static const struct db_query insert = {
	.name = "signing_key_insert",
	.text = "INSERT INTO postern.signing_key"
		" (kid, algorithm, public_key, sealed_private_key)"
		" VALUES ($1, 'ES256', $2, $3)",
	.nparams = 3,
	.writes = true,
};

struct signing_keys *
signing_keys_new(void)
{
	struct signing_keys *k = calloc(1, sizeof *k);

	must(k != NULL);
	k->current = -1;
	k->read_at = -REREAD_MS;
	return k;
}

static void
forget(struct signing_keys *k)
{
	for (int i = 0; i < k->n; i++)
		es256_free(&k->key[i].key);
	k->n = 0;
	k->current = -1;
}

void
signing_keys_free(struct signing_keys **kp)
{
	struct signing_keys *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	forget(k);
	free(k);
}

/* What the seal binds a private key to. */
static const char *
associated_data(struct arena *mem, const char *kid)
{
	return arena_printf(mem, "%s ES256", kid);
}

/* Whether key's public half is what the row shows the world. */
static bool
halves_match(struct arena *mem, const struct es256 *key,
    const unsigned char *public, size_t n)
{
	size_t len;
	const unsigned char *own = es256_write_public(key, mem, &len);

	return len == n && memcmp(own, public, n) == 0;
}

/* The private key of a row; NULL when it is not one of ours. */
static struct es256 *
unseal_row(struct unit *u, const struct db_rows *r, int row)
{
	unsigned char sealed[SEALED_MAX], plain[SEALED_MAX], pub[PUBLIC_MAX];
	const char *aad = associated_data(u->mem, db_get_text(r, row, 0));
	size_t npub = (size_t)db_get_int(r, row, 3);
	size_t nsealed = (size_t)db_get_int(r, row, 4);
	struct es256 *key;

	if (npub > sizeof pub || nsealed > sizeof sealed ||
	    nsealed <= SEAL_OVERHEAD ||
	    strlen(db_get_text(r, row, 0)) >= KID_TEXT)
		return NULL;
	db_get_bytes(r, row, 1, pub, npub);
	db_get_bytes(r, row, 2, sealed, nsealed);
	if (!crypto_unseal(plain, u->keys->seal, aad, sealed, nsealed))
		return NULL;
	key = es256_read_private(plain, nsealed - SEAL_OVERHEAD);
	explicit_bzero(plain, sizeof plain);
	if (key != NULL && !halves_match(u->mem, key, pub, npub))
		es256_free(&key);
	return key;
}

void
signing_keys_add(struct signing_keys *k, const char *kid, struct es256 *key,
    bool signs)
{
	must(k->n < KEYS_MAX && strlen(kid) < KID_TEXT);
	if (signs && k->current < 0)
		k->current = k->n;
	memcpy(k->key[k->n].kid, kid, strlen(kid) + 1);
	k->key[k->n++].key = key;
}

static void
take_rows(struct unit *u, struct signing_keys *k, const struct db_rows *r)
{
	forget(k);
	for (int row = 0; row < r->nrows && row < KEYS_MAX; row++) {
		const char *kid = db_get_text(r, row, 0);
		struct es256 *key = unseal_row(u, r, row);

		if (key != NULL)
			signing_keys_add(k, kid, key, db_get_bool(r, row, 5));
		else
			log_event(ERROR, "key.sealed",
			    "kid=%s what=does not open with key_file", kid);
	}
}

enum err
signing_keys_refresh(struct unit *u, struct signing_keys *k, bool force)
{
	int64_t age = clock_steady_ms() - k->read_at;
	struct db_rows r;
	enum err e;

	if (!force && age < (k->current < 0 ? 0 : REREAD_MS))
		return OK;
	if ((e = unit_run(u, &all, NULL, &r)) != OK) {
		k->read_at = clock_steady_ms() - REREAD_MS + RETRY_MS;
		return e;
	}
	k->read_at = clock_steady_ms();
	take_rows(u, k, &r);
	return OK;
}

const struct es256 *
signing_keys_current(const struct signing_keys *k, const char **kid)
{
	must(k != NULL);
	if (k->current < 0)
		return NULL;
	*kid = k->key[k->current].kid;
	return k->key[k->current].key;
}

const struct es256 *
signing_keys_find(const struct signing_keys *k, const char *kid)
{
	must(k != NULL);
	for (int i = 0; i < k->n; i++)
		if (strcmp(k->key[i].kid, kid) == 0)
			return k->key[i].key;
	return NULL;
}

const struct es256 *
signing_keys_at(const struct signing_keys *k, int i, const char **kid)
{
	if (i >= k->n)
		return NULL;
	*kid = k->key[i].kid;
	return k->key[i].key;
}

static enum err
make_key(struct unit *u)
{
	unsigned char random[KID_BYTES], sealed[SEALED_MAX], *private, *public;
	char kid[KID_TEXT];
	size_t nprivate, npublic;
	struct es256 *key = es256_generate();

	crypto_random(random, sizeof random);
	base64url_encode(kid, random, sizeof random);
	private = es256_write_private(key, u->mem, &nprivate);
	public = es256_write_public(key, u->mem, &npublic);
	es256_free(&key);
	must(nprivate + SEAL_OVERHEAD <= sizeof sealed);
	crypto_seal(sealed, u->keys->seal, associated_data(u->mem, kid),
	    private, nprivate);
	explicit_bzero(private, nprivate);
	return unit_run(u, &insert,
	    DB_PARAMS(db_text(kid), db_bytes(public, npublic),
		db_bytes(sealed, nprivate + SEAL_OVERHEAD)),
	    NULL);
}

enum err
signing_key_ensure(struct unit *u, bool *made)
{
	struct signing_keys *k = signing_keys_new();
	enum err e = signing_keys_refresh(u, k, true);

	*made = e == OK && k->current < 0;
	signing_keys_free(&k);
	return *made ? make_key(u) : e;
}
