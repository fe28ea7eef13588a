/* SPDX-License-Identifier: ISC */
#include "platform/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/must.h"

/*
 * libcurl does TLS, HTTP/2 and the reading of answers; here it is told to
 * hide nothing.  The one handle keeps its connections, so that some eighty
 * questions cost few handshakes.
 */
#define CONNECT_SECONDS 5L
#define ANSWER_SECONDS 15L

struct fetch {
	CURL *curl;
	const char *ca_file;
	struct curl_slist *connect; /* "::host:port", or NULL */
	char why[CURL_ERROR_SIZE];
};

struct fetch *
fetch_open(const struct fetch_options *o)
{
	struct fetch *f = calloc(1, sizeof *f);
	char *to;

	must(f != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	f->curl = curl_easy_init();
	must(f->curl != NULL);
	f->ca_file = o->ca_file;
	if (o->connect == NULL)
		return f;
	must(asprintf(&to, "::%s", o->connect) > 0);
	f->connect = curl_slist_append(NULL, to);
	must(f->connect != NULL);
	free(to);
	return f;
}

void
fetch_close(struct fetch **fp)
{
	struct fetch *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	curl_slist_free_all(f->connect);
	curl_global_cleanup();
	free(f);
}

/* A header line came; the lines of an interim answer (1xx) come first and
 * are forgotten. */
static size_t
take_line(char *data, size_t size, size_t n, void *arg)
{
	struct fetch_answer *a = arg;

	must(size == 1);
	if (n > 5 && strncmp(data, "HTTP/", 5) == 0) {
		a->head.len = 0;
		a->head.data[0] = '\0';
		return n;
	}
	if (a->head.len + n <= FETCH_HEAD_MAX)
		buf_put(&a->head, data, n);
	return n;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch_answer *a = arg;

	must(size == 1);
	if (a->body.len + n <= FETCH_BODY_MAX)
		buf_put(&a->body, data, n);
	return n;
}

static void
set_transport(struct fetch *f, const struct fetch_request *r)
{
	CURL *c = f->curl;

	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, ANSWER_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(c, CURLOPT_CONNECT_TO, f->connect);
	if (f->ca_file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
	if (r->tls != FETCH_TLS_OLD)
		return;
	/* OpenSSL offers 1.1 at its lowest security level only. */
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_0 | (long)CURL_SSLVERSION_MAX_TLSv1_1);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST,
	    "DEFAULT@SECLEVEL=0");
	(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static struct curl_slist *
copy_headers(const struct fetch_request *r)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	must(list != NULL);
	for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++) {
		list = curl_slist_append(list, r->headers[i]);
		must(list != NULL);
	}
	return list;
}

static void
set_request(struct fetch *f, const struct fetch_request *r,
    struct fetch_answer *a)
{
	CURL *c = f->curl;

	(void)curl_easy_setopt(c, CURLOPT_URL, r->url);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	if (r->body != NULL)
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT,
	    "posternctl/" PACKAGE_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_line);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, a);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
}

static int
http_version(CURL *c)
{
	long v = CURL_HTTP_VERSION_NONE;

	(void)curl_easy_getinfo(c, CURLINFO_HTTP_VERSION, &v);
	if (v == CURL_HTTP_VERSION_1_0)
		return 10;
	return v == CURL_HTTP_VERSION_1_1 ? 11 : 20;
}

void
fetch_run(struct fetch *f, struct arena *mem, const struct fetch_request *r,
    struct fetch_answer *a)
{
	struct curl_slist *headers = copy_headers(r);
	CURLcode code;

	*a = (struct fetch_answer){ .mem = mem };
	buf_init(&a->head, mem);
	buf_init(&a->body, mem);
	f->why[0] = '\0';
	curl_easy_reset(f->curl);
	set_transport(f, r);
	set_request(f, r, a);
	(void)curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(f->curl);
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE,
		    &a->status);
		a->http = http_version(f->curl);
	} else {
		a->why = arena_strdup(mem,
		    f->why[0] != '\0' ? f->why : curl_easy_strerror(code));
	}
	curl_slist_free_all(headers);
}

const char *
fetch_header(const struct fetch_answer *a, const char *name, size_t i)
{
	const char *line = a->head.data;
	size_t n = strlen(name), length;

	for (; *line != '\0'; line += length) {
		length = strcspn(line, "\n");
		length += line[length] == '\n';
		if (strncasecmp(line, name, n) != 0 || line[n] != ':' ||
		    i-- > 0)
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		return arena_memdup(a->mem, line, strcspn(line, "\r\n"));
	}
	return NULL;
}
