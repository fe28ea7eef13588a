/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_URL_H
#define PLATFORM_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The origin of a site, as browsers write it in their Origin header
 * (RFC 6454 section 6.2): lower case, no default port, no path.
 */

/*
 * text, an "http(s)://host[:port]" with slashes at its end or without, as an
 * origin, in memory of malloc's; NULL if it is none.  Hosts are ASCII names,
 * IPv4, or IPv6 in brackets.
 */
char *url_origin(const char *text);

/* Whether an origin is http, and its host this machine. */
bool url_is_local_http(const char *origin);

/*
 * Whether host (IPv6 without brackets) is this machine whatever a resolver
 * says: 127/8, ::1 or localhost.
 */
bool url_host_is_loopback(const char *host);

/*
 * Whether name may stand as a cookie's Domain: two labels at least, of
 * letters, digits and hyphens, and no IPv4 address.
 */
bool url_is_domain(const char *name);

/* Whether an origin's host is domain, in any letter case, or below it. */
bool url_host_is_within(const char *origin, const char *domain);

/* The same of a host of n bytes. */
bool url_host_is_below(const char *host, size_t n, const char *domain);

/*
 * Whether s is a path of one's own site, as a browser would follow it:
 * "//host" and "/\host" lead elsewhere.
 */
bool url_is_path(const char *s);

#endif
