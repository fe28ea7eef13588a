/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_PASSWORD_H
#define DOMAIN_PASSWORD_H

#include "base/err.h"

#define PASSWORD_LEAST 8 /* Unicode code points (NIST SP 800-63B) */

/*
 * Whether a new password may be set: ERR_PASSWORD_SHORT under PASSWORD_LEAST
 * code points, ERR_PASSWORD_LONG over YESCRYPT_PASSWORD bytes.  Length is all
 * that is judged; the text is valid UTF-8 already.
 */
enum err password_judge(const char *password) MUST_USE;

#endif
