/* SPDX-License-Identifier: ISC */
#include "platform/yescrypt.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "platform/crypto.h"
#include "platform/log.h"

/*
 * libxcrypt's working area (32 KiB) is taken once and wiped after each call:
 * it holds the hash and traces of the password.  The table of the hash itself
 * (64 MiB at cost 7) is the library's own mapping of each call.
 */
#define PREFIX "$y$"

/* Hashed in place of a password that the library would refuse. */
#define STAND_IN "a password of no account"

static struct crypt_data *area;

void
yescrypt_open(void)
{
	must(area == NULL);
	area = calloc(1, sizeof *area);
	must(area != NULL);
}

static bool
too_long(const char *password)
{
	return strnlen(password, YESCRYPT_PASSWORD + 1) > YESCRYPT_PASSWORD;
}

/* A fresh setting "$y$<parameters>$<salt>". */
static enum err
new_setting(char out[CRYPT_GENSALT_OUTPUT_SIZE], int cost)
{
	must(cost >= 1 && cost <= 11);
	if (crypt_gensalt_rn(PREFIX, (unsigned long)cost, NULL, 0, out,
		CRYPT_GENSALT_OUTPUT_SIZE) != NULL)
		return OK;
	log_event(ERROR, "yescrypt.salt_failed", "cost=%d error=%m", cost);
	return ERR_INTERNAL;
}

static enum err
run(char out[YESCRYPT_MAX], const char *password, const char *setting)
{
	const char *hash;
	enum err e = ERR_INTERNAL;

	must(area != NULL);
	hash = crypt_rn(password, setting, area, (int)sizeof *area);
	if (hash == NULL || strncmp(hash, PREFIX, strlen(PREFIX)) != 0)
		log_event(ERROR, "yescrypt.failed", "error=%m");
	else {
		must(strlen(hash) < YESCRYPT_MAX);
		memcpy(out, hash, strlen(hash) + 1);
		e = OK;
	}
	explicit_bzero(area, sizeof *area);
	return e;
}

enum err
yescrypt_hash(char out[YESCRYPT_MAX], const char *password, int cost)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	enum err e;

	must(!too_long(password));
	if ((e = new_setting(setting, cost)) != OK)
		return e;
	return run(out, password, setting);
}

enum err
yescrypt_verify(const char *hash, const char *password, bool *right)
{
	char made[YESCRYPT_MAX];
	bool fits = !too_long(password);
	size_t n = strlen(hash);
	enum err e;

	if (strncmp(hash, PREFIX, strlen(PREFIX)) != 0) {
		log_event(ERROR, "yescrypt.foreign_hash", "expected=%s",
		    PREFIX);
		return ERR_INTERNAL;
	}
	if ((e = run(made, fits ? password : STAND_IN, hash)) != OK)
		return e;
	*right = fits && strlen(made) == n && crypto_equal(made, hash, n);
	explicit_bzero(made, sizeof made);
	return OK;
}

enum err
yescrypt_waste(const char *password, int cost)
{
	char made[YESCRYPT_MAX];
	enum err e;

	e = yescrypt_hash(made, too_long(password) ? STAND_IN : password, cost);
	explicit_bzero(made, sizeof made);
	return e;
}

/*
 * Costs are not written into a hash as a number but as the encoded
 * parameters between its second and third '$': what the library would write
 * for the wanted cost is compared with what stands there.
 */
bool
yescrypt_outdated(const char *hash, int cost)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t n;

	if (new_setting(setting, cost) != OK)
		return false;
	n = strlen(PREFIX) + strcspn(setting + strlen(PREFIX), "$") + 1;
	return strncmp(hash, setting, n) != 0;
}

/* Each cost is twice the one before: c + c + (c + 1) + … + (n - 1) is n. */
enum err
yescrypt_waste_rest(const char *hash, const char *password, int cost)
{
	int own = 1;
	enum err e = OK;

	while (own < cost && yescrypt_outdated(hash, own))
		own++;
	for (; own < cost && e == OK; own++)
		e = yescrypt_waste(password, own);
	return e;
}
