/* SPDX-License-Identifier: ISC */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct response;

/*
 * Cookies (RFC 6265).  Ours are HttpOnly, SameSite=Lax and Path=/ always;
 * named __Host-NAME with Secure, unless public_url is http on loopback, where
 * browsers would drop them: there plain NAME.
 */

/* The value of our cookie NAME in a Cookie header, in mem; NULL if none. */
const char *cookie_get(struct arena *mem, const char *header, const char *name,
    bool local_http);

/*
 * Sets it for max_age seconds; 0 removes it.  value is base64url or another
 * text of cookie octets (must()).
 */
void cookie_set(struct response *res, const char *name, const char *value,
    int64_t max_age, bool local_http);

/*
 * The same for a cookie that all hosts of domain share (option
 * cookie_domain): named __Secure-NAME, because __Host- forbids it.
 */
const char *cookie_get_shared(struct arena *mem, const char *header,
    const char *name);
void cookie_set_shared(struct response *res, const char *name,
    const char *value, int64_t max_age, const char *domain);

#endif
