/* SPDX-License-Identifier: ISC */
#include "platform/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

/*
 * Origins: public_url, an Origin header, the site that posternctl is to
 * check.  They are compared with one another, so all are written as browsers
 * write them.
 */
#define HOST_MAX 253
#define LABEL_MAX 63
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool
url_host_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

/* The length of the host at s, brackets counted; 0 if there is none. */
static size_t
host_length(const char *s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	size_t n;

	if (*s != '[')
		return strspn(s, LETTERS DIGITS "-.");
	n = strcspn(++s, "]");
	if (s[n] != ']' || n >= sizeof text)
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &v6) == 1 ? n + 2 : 0;
}

/* Moves *s over ":port" if it stands there; 0 for a port that is none. */
static long
take_port(const char **s, long standard)
{
	size_t n;
	long port;

	if (**s != ':')
		return standard;
	n = strspn(++*s, DIGITS);
	if (n == 0 || n > 5)
		return 0;
	port = strtol(*s, NULL, 10);
	*s += n;
	return port > 65535 ? 0 : port;
}

static void
fold(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	}
}

char *
url_origin(const char *text)
{
	bool tls = strncasecmp(text, "https://", 8) == 0;
	const char *host = text + (tls ? 8 : 7), *rest;
	long standard = tls ? 443 : 80, port;
	size_t n;
	char *url;

	if (!tls && strncasecmp(text, "http://", 7) != 0)
		return NULL;
	n = host_length(host);
	rest = host + n;
	if (n == 0 || n > HOST_MAX || (port = take_port(&rest, standard)) == 0)
		return NULL;
	if (rest[strspn(rest, "/")] != '\0')
		return NULL;

	must(asprintf(&url, "%s://%.*s:%ld", tls ? "https" : "http", (int)n,
		 host, port) > 0);
	fold(url);
	if (port == standard)
		*strrchr(url, ':') = '\0';
	return url;
}

/* The host of an origin, brackets left out. */
static void
copy_host(char host[HOST_MAX + 1], const char *origin)
{
	const char *s = strstr(origin, "://");
	size_t n;

	must(s != NULL);
	s += strlen("://");
	n = *s == '[' ? strcspn(++s, "]") : strcspn(s, ":");
	must(n <= HOST_MAX);
	memcpy(host, s, n);
	host[n] = '\0';
}

bool
url_is_local_http(const char *origin)
{
	char host[HOST_MAX + 1];

	if (strncmp(origin, "http://", strlen("http://")) != 0)
		return false;
	copy_host(host, origin);
	return url_host_is_loopback(host);
}

bool
url_is_domain(const char *name)
{
	const char *label = name;
	size_t n;

	if (strlen(name) > HOST_MAX)
		return false;
	for (;; label += n + 1) {
		n = strspn(label, LETTERS DIGITS "-");
		if (n == 0 || n > LABEL_MAX || label[0] == '-' ||
		    label[n - 1] == '-')
			return false;
		if (label[n] != '.')
			break;
	}
	return label[n] == '\0' && label != name && strspn(label, DIGITS) != n;
}

bool
url_host_is_within(const char *origin, const char *domain)
{
	char host[HOST_MAX + 1];

	copy_host(host, origin);
	return url_host_is_below(host, strlen(host), domain);
}

bool
url_host_is_below(const char *host, size_t n, const char *domain)
{
	size_t tail = strlen(domain);

	if (n < tail || strncasecmp(host + n - tail, domain, tail) != 0)
		return false;
	return n == tail || host[n - tail - 1] == '.';
}

bool
url_is_path(const char *s)
{
	return s[0] == '/' && s[1] != '/' && s[1] != '\\';
}
