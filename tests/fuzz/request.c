/* SPDX-License-Identifier: ISC */
/*
 * FastCGI parameters to a request: every field is the first parameter of its
 * name, whole or not at all.  An input is lines of NAME=value, an empty line,
 * and the body; a byte 1 stands for a KiB of x, so that small inputs get to
 * the limits.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/must.h"
#include "http/bearer.h"
#include "platform/fcgi_record.h"
#include "tests/fuzz/connection.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 150000
#define RECORD_MAX 32768
#define TYPE_BEGIN 1
#define TYPE_PARAMS 4
#define TYPE_STDIN 5

static const struct field {
	const char *name;
	size_t offset; /* in struct request */
} headers[] = {
	{ "CONTENT_TYPE", offsetof(struct request, content_type) },
	{ "HTTP_COOKIE", offsetof(struct request, cookie) },
	{ "HTTP_ACCEPT", offsetof(struct request, accept) },
	{ "HTTP_ACCEPT_LANGUAGE", offsetof(struct request, accept_language) },
	{ "HTTP_ORIGIN", offsetof(struct request, origin) },
	{ "HTTP_SEC_FETCH_SITE", offsetof(struct request, sec_fetch_site) },
	{ "HTTP_USER_AGENT", offsetof(struct request, user_agent) },
};

/* An input, and the FastCGI stream that its lines make. */
struct input {
	struct arena *mem;
	struct buf text, params;
	const char *body;
	size_t body_len;
};

static void
expand(struct buf *b, const uint8_t *data, size_t size)
{
	char kib[1024];

	memset(kib, 'x', sizeof kib);
	for (size_t i = 0; i < size && b->len < TEXT_MAX - sizeof kib; i++) {
		if (data[i] == 1)
			buf_put(b, kib, sizeof kib);
		else
			buf_putc(b, (char)data[i]);
	}
}

static void
put_pair(struct buf *b, const char *line, size_t n)
{
	const char *equals = memchr(line, '=', n);
	size_t name = equals == NULL ? n : (size_t)(equals - line);
	size_t value = equals == NULL ? 0 : n - name - 1;
	unsigned char lengths[8];

	put_be32(lengths, (uint32_t)name | 0x80000000);
	put_be32(lengths + 4, (uint32_t)value | 0x80000000);
	buf_put(b, lengths, sizeof lengths);
	buf_put(b, line, name);
	if (value > 0)
		buf_put(b, equals + 1, value);
}

static void
read_input(struct input *in, const uint8_t *data, size_t size)
{
	const char *at, *end, *stop;

	buf_init(&in->text, in->mem);
	buf_init(&in->params, in->mem);
	expand(&in->text, data, size);
	at = in->text.data;
	end = at + in->text.len;
	while (at < end && *at != '\n') {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		put_pair(&in->params, at, (size_t)(stop - at));
		at = stop < end ? stop + 1 : end;
	}
	in->body = at < end ? at + 1 : end;
	in->body_len = (size_t)(end - in->body);
}

/* The value in the first line of that name, as far as a C string goes. */
static const char *
value_of(const struct input *in, const char *name)
{
	const char *at = in->text.data, *end = at + in->text.len;
	size_t n = strlen(name), len;

	while (at < end && *at != '\n') {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		len = (size_t)((stop == NULL ? end : stop) - at);
		if (len == n && memcmp(at, name, n) == 0)
			return "";
		if (len > n && memcmp(at, name, n) == 0 && at[n] == '=')
			return arena_memdup(in->mem, at + n + 1, len - n - 1);
		at = stop == NULL ? end : stop + 1;
	}
	return NULL;
}

static void
put_record(struct buf *b, int type, const char *content, size_t n)
{
	unsigned char header[8] = { 1, (unsigned char)type, 0, 1 };

	put_be16(header + 4, (unsigned)n);
	buf_put(b, header, sizeof header);
	buf_put(b, content, n);
}

static void
put_stream(struct buf *b, int type, const char *content, size_t n)
{
	for (size_t at = 0; at < n; at += RECORD_MAX)
		put_record(b, type, content + at,
		    n - at < RECORD_MAX ? n - at : RECORD_MAX);
	put_record(b, type, "", 0);
}

static struct fcgi *
serve(const struct input *in)
{
	struct buf b;

	buf_init(&b, in->mem);
	put_record(&b, TYPE_BEGIN, "\0\1\0\0\0\0\0\0", 8);
	put_stream(&b, TYPE_PARAMS, in->params.data, in->params.len);
	put_stream(&b, TYPE_STDIN, in->body, in->body_len);
	return connection_serve(b.data, b.len);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
judge_headers(const struct input *in, const struct request *req)
{
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		const char *value = value_of(in, headers[i].name), *got;

		memcpy(&got, (const char *)req + headers[i].offset, sizeof got);
		if (value != NULL && strlen(value) > HEADER_MAX)
			value = NULL;
		must(same(got, value));
	}
}

/* Too long a header is still one, and no token. */
static void
judge_authorization(const struct input *in, const struct request *req)
{
	const char *value = value_of(in, "HTTP_AUTHORIZATION"), *token;

	if (value == NULL || strlen(value) <= HEADER_MAX)
		must(same(req->authorization, value));
	else
		must(bearer_token(req->authorization, &token) != OK);
}

static void
judge_rest(const struct input *in, const struct request *req)
{
	const char *path = value_of(in, "DOCUMENT_URI");
	const char *query = value_of(in, "QUERY_STRING");
	const char *client = value_of(in, "REMOTE_ADDR");
	const char *id = value_of(in, "REQUEST_ID");

	must(same(req->path, path) || *req->path == '\0');
	must(same(req->query, query == NULL ? "" : query));
	must(same(req->client, client == NULL ? "" : client));
	must(same(req->id, id) || strlen(req->id) == 32);
}

/* Whether the body is as long as was declared, if it was. */
static bool
is_declared(const struct input *in)
{
	const char *value = value_of(in, "CONTENT_LENGTH");

	if (value == NULL)
		return in->body_len == 0;
	return value[strspn(value, "0123456789")] == '\0' &&
	    strtoull(value, NULL, 10) == in->body_len;
}

/* A body is whole, or none. */
static void
judge_body(const struct input *in, const struct request *req)
{
	enum err e = req->body_err;

	must(e == OK || e == ERR_TOO_LARGE || e == ERR_BODY_CUT);
	must((e == OK) == (is_declared(in) && in->body_len <= BODY_MAX));
	must(in->body_len <= BODY_MAX || e == ERR_TOO_LARGE);
	must(req->body_len == (e == OK ? in->body_len : 0));
	must(memcmp(req->body, in->body, req->body_len) == 0);
	must(req->body[req->body_len] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .mem = fuzz_arena() };
	struct request req;
	struct fcgi *f;

	read_input(&in, data, size);
	f = serve(&in);
	must((f != NULL) == (in.params.len <= FCGI_PARAMS_MAX));
	if (f == NULL)
		return 0;
	request_read(&req, f, in.mem);
	connection_end(f);
	judge_headers(&in, &req);
	judge_authorization(&in, &req);
	judge_rest(&in, &req);
	judge_body(&in, &req);
	return 0;
}
