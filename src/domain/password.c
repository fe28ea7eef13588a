/* SPDX-License-Identifier: ISC */
#include "domain/password.h"

#include <string.h>

#include "base/encode.h"
#include "base/must.h"
#include "platform/yescrypt.h"

/*
 * Length is judged in code points below, as people count, and in bytes above,
 * where the limit is the hash's.
 */
enum err
password_judge(const char *password)
{
	size_t n = strlen(password);
	int points = utf8_length(password, n);

	must(points >= 0);
	if (points < PASSWORD_LEAST)
		return ERR_PASSWORD_SHORT;
	return n > YESCRYPT_PASSWORD ? ERR_PASSWORD_LONG : OK;
}
