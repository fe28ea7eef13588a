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

#define KEYS_MAX 16     /* newest first; older ones are forgotten */
#define RETRY_MS 1000   /* after the database did not answer */
#define UNKNOWN_MS 1000 /* between readings for names nobody knows */
#define KEYLESS_MS 100  /* between readings while no key signs */
#define SEALED_MAX 512
#define PUBLIC_MAX 256

/* Times are of clock_steady_ms(): a key takes over and ends on time, however
 * long ago the table was read. */
struct signing_key {
	char kid[SIGNING_KID_TEXT];
	struct es256 *key;
	int64_t signs_from;     /* INT64_MAX: never again */
	int64_t verifies_until; /* INT64_MAX: no end yet */
	bool over;              /* it tells its tokens from forged ones */
};

struct signing_keys {
	int n;
	struct signing_key key[KEYS_MAX];
	int64_t read_at, tried_at;
	bool failed; /* the last reading */
	bool fixed;  /* handed in: there is no table */
	uint64_t generation;
};

static const struct db_query all = {
	.name = "signing_key_all",
	.text = "SELECT kid, public_key, sealed_private_key,"
		"   octet_length(public_key), octet_length(sealed_private_key),"
		"   CASE WHEN retired_at IS NULL THEN ceil(1000 *"
		"     extract(epoch FROM active_at - clock_timestamp()))"
		"     END::bigint,"
		"   ceil(1000 * extract(epoch FROM"
		"     expires_at - clock_timestamp()))::bigint"
		" FROM postern.signing_key"
		" WHERE algorithm = 'ES256' AND (expires_at IS NULL"
		"   OR expires_at > now() - $1 * interval '1 s')"
		" ORDER BY coalesce(expires_at <= now(), false),"
		"   active_at DESC, kid LIMIT $2::bigint",
	.nparams = 2,
};

static const struct db_query insert = {
	.name = "signing_key_insert",
	.text = "INSERT INTO postern.signing_key"
		" (kid, algorithm, public_key, sealed_private_key, active_at)"
		" VALUES ($1, 'ES256', $2, $3,"
		"   now() + $4::bigint * interval '1 s')",
	.nparams = 4,
	.writes = true,
};

struct signing_keys *
signing_keys_new(void)
{
	struct signing_keys *k = calloc(1, sizeof *k);

	must(k != NULL);
	k->read_at = -SIGNING_KEYS_STALE_MS;
	return k;
}

static void
forget(struct signing_keys *k)
{
	for (int i = 0; i < k->n; i++)
		es256_free(&k->key[i].key);
	k->n = 0;
}

/* Ends the keys whose time has come. */
static void
end_over(struct signing_keys *k)
{
	int64_t now = clock_steady_ms();

	for (int i = 0; i < k->n; i++) {
		struct signing_key *key = &k->key[i];

		if (key->over || key->verifies_until > now)
			continue;
		key->over = true;
		key->signs_from = INT64_MAX;
		k->generation++;
	}
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
	    strlen(db_get_text(r, row, 0)) >= SIGNING_KID_TEXT)
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

static struct signing_key *
append(struct signing_keys *k, const char *kid, struct es256 *key)
{
	struct signing_key *new = &k->key[k->n++];

	must(k->n <= KEYS_MAX && strlen(kid) < sizeof new->kid);
	*new = (struct signing_key){ .key = key };
	memcpy(new->kid, kid, strlen(kid) + 1);
	return new;
}

void
signing_keys_add(struct signing_keys *k, const char *kid, struct es256 *key,
    bool signs)
{
	struct signing_key *new = append(k, kid, key);

	new->signs_from = signs ? 0 : INT64_MAX;
	new->verifies_until = INT64_MAX;
	k->fixed = true;
	k->generation++;
}

/* The steady time that is as far from now as the cell says, in ms. */
static int64_t
steady(const struct db_rows *r, int row, int col)
{
	return db_is_null(r, row, col) ?
	    INT64_MAX :
	    clock_steady_ms() + db_get_int(r, row, col);
}

static void
take_rows(struct unit *u, struct signing_keys *k, const struct db_rows *r)
{
	for (int row = 0; row < r->nrows && row < KEYS_MAX; row++) {
		const char *kid = db_get_text(r, row, 0);
		struct es256 *key = unseal_row(u, r, row);
		int64_t until = steady(r, row, 6);
		struct signing_key *new;

		if (key == NULL && until <= clock_steady_ms())
			continue;
		if (key == NULL) {
			log_event(ERROR, "key.sealed",
			    "kid=%s what=does not open with key_file", kid);
			continue;
		}
		new = append(k, kid, key);
		new->signs_from = steady(r, row, 5);
		new->verifies_until = until;
	}
	end_over(k);
}

/* Whether the same keys verify: a name is never used twice. */
static bool
same_keys(const struct signing_keys *a, const struct signing_keys *b)
{
	for (int i = 0; i < a->n; i++)
		if (i >= b->n || strcmp(a->key[i].kid, b->key[i].kid) != 0 ||
		    a->key[i].over != b->key[i].over)
			return false;
	return a->n == b->n;
}

static enum err
read_again(struct unit *u, struct signing_keys *k)
{
	struct signing_keys fresh = { .generation = k->generation };
	struct db_rows r;
	enum err e;

	k->tried_at = clock_steady_ms();
	e = unit_run(u, &all,
	    DB_PARAMS(db_int(u->mem, conf->refresh_token_lifetime),
		db_int(u->mem, KEYS_MAX)),
	    &r);
	k->failed = e != OK;
	if (e != OK)
		return e;
	fresh.read_at = clock_steady_ms();
	take_rows(u, &fresh, &r);
	if (!same_keys(k, &fresh))
		fresh.generation++;
	forget(k);
	*k = fresh;
	return OK;
}

enum err
signing_keys_refresh(struct unit *u, struct signing_keys *k, int64_t age_ms)
{
	int64_t now = clock_steady_ms();
	const char *kid;

	end_over(k);
	if (k->fixed)
		return OK;
	if (age_ms > KEYLESS_MS && signing_keys_current(k, &kid) == NULL)
		age_ms = KEYLESS_MS;
	if (now - k->read_at < age_ms)
		return OK;
	if (k->failed && now - k->tried_at < RETRY_MS)
		return ERR_UNAVAILABLE;
	return read_again(u, k);
}

void
signing_keys_freshen(struct unit *u)
{
	int64_t age_ms = SIGNING_KEYS_STALE_MS;
	const char *kid;

	must(u->signing != NULL);
	/* Somebody needs one: the first may have been made a moment ago. */
	if (signing_keys_current(u->signing, &kid) == NULL)
		age_ms = 0;
	if (signing_keys_refresh(u, u->signing, age_ms) != OK)
		log_event(DEBUG, "key.stale", "%s", "");
}

static int
find_current(const struct signing_keys *k)
{
	int64_t now = clock_steady_ms();

	for (int i = 0; i < k->n; i++)
		if (k->key[i].signs_from <= now)
			return i;
	return -1;
}

const struct es256 *
signing_keys_current(const struct signing_keys *k, const char **kid)
{
	int i;

	must(k != NULL);
	i = find_current(k);
	if (i < 0)
		return NULL;
	*kid = k->key[i].kid;
	return k->key[i].key;
}

int64_t
signing_keys_age(const struct signing_keys *k)
{
	int i = find_current(k);

	return i < 0 ? -1 : (clock_steady_ms() - k->key[i].signs_from) / 1000;
}

const char *
signing_keys_next(const struct signing_keys *k)
{
	int64_t now = clock_steady_ms();

	for (int i = 0; i < k->n; i++)
		if (k->key[i].signs_from > now &&
		    k->key[i].signs_from != INT64_MAX)
			return k->key[i].kid;
	return NULL;
}

static const struct signing_key *
find(const struct signing_keys *k, const char *kid)
{
	for (int i = 0; i < k->n; i++)
		if (strcmp(k->key[i].kid, kid) == 0)
			return &k->key[i];
	return NULL;
}

enum err
signing_keys_find(struct unit *u, const char *kid, const struct es256 **key,
    bool *over)
{
	const struct signing_key *found;
	enum err e;

	must(u->signing != NULL);
	found = find(u->signing, kid);
	if (found == NULL && strlen(kid) >= SIGNING_KID_TEXT)
		return ERR_TOKEN_INVALID;
	if (found == NULL) {
		e = signing_keys_refresh(u, u->signing, UNKNOWN_MS);
		if (e != OK)
			return e;
		found = find(u->signing, kid);
	}
	if (found == NULL)
		return ERR_TOKEN_INVALID;
	*key = found->key;
	*over = found->over;
	return OK;
}

const struct es256 *
signing_keys_at(const struct signing_keys *k, int i, const char **kid)
{
	for (int at = 0; at < k->n; at++) {
		if (k->key[at].over || i-- > 0)
			continue;
		*kid = k->key[at].kid;
		return k->key[at].key;
	}
	return NULL;
}

uint64_t
signing_keys_generation(const struct signing_keys *k)
{
	return k->generation;
}

/* A new name.  None begins with a hyphen: posternctl takes it as an argument.
 */
static void
make_kid(char kid[SIGNING_KID_TEXT])
{
	unsigned char random[SIGNING_KID_BYTES];

	do {
		crypto_random(random, sizeof random);
		base64url_encode(kid, random, sizeof random);
	} while (kid[0] == '-');
}

enum err
signing_key_make(struct unit *u, int64_t delay_s, char kid[SIGNING_KID_TEXT])
{
	unsigned char sealed[SEALED_MAX], *private, *public;
	size_t nprivate, npublic;
	struct es256 *key = es256_generate();

	make_kid(kid);
	private = es256_write_private(key, u->mem, &nprivate);
	public = es256_write_public(key, u->mem, &npublic);
	es256_free(&key);
	must(nprivate + SEAL_OVERHEAD <= sizeof sealed);
	crypto_seal(sealed, u->keys->seal, associated_data(u->mem, kid),
	    private, nprivate);
	explicit_bzero(private, nprivate);
	return unit_run(u, &insert,
	    DB_PARAMS(db_text(kid), db_bytes(public, npublic),
		db_bytes(sealed, nprivate + SEAL_OVERHEAD),
		db_int(u->mem, delay_s)),
	    NULL);
}
