/* SPDX-License-Identifier: ISC */
#ifndef HTTP_BEARER_H
#define HTTP_BEARER_H

#include "base/err.h"

/*
 * The token of an Authorization header (RFC 6750 section 2.1): "Bearer" in
 * any letter case, blanks, one b64token.  No header or another scheme is
 * ERR_TOKEN_MISSING; Bearer with anything else is ERR_TOKEN_INVALID.
 * *token points into header.
 */
enum err bearer_token(const char *header, const char **token) MUST_USE;

#endif
