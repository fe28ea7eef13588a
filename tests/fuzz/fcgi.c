/* SPDX-License-Identifier: ISC */
/*
 * FastCGI records, byte by byte as a hostile peer sends them: what is judged
 * from the first bytes stays true of all, exactly the sound requests reach
 * libfcgi, and what it makes of their streams is what was sent.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/must.h"
#include "http/request.h"
#include "platform/fcgi.h"
#include "platform/fcgi_record.h"
#include "tests/fuzz/connection.h"
#include "tests/fuzz/fuzz.h"

#define HEADER 8
#define TYPE_PARAMS 4
#define TYPE_STDIN 5

/* Looking at fewer bytes, no more is known, and nothing else. */
static void
prefix_agrees(const uint8_t *data, size_t size, enum fcgi_look all)
{
	size_t n = size == 0 ? 0 : (size_t)data[size - 1] * size / 255;

	switch (fcgi_look(data, n)) {
	case FCGI_BROKEN:
		must(all == FCGI_BROKEN);
		break;
	case FCGI_WHOLE:
		must(all == FCGI_WHOLE);
		break;
	case FCGI_LARGE:
		must(all != FCGI_MORE);
		break;
	case FCGI_MORE:
		break;
	}
}

/* The content of all records of one type in a whole request. */
static struct buf
collect(struct arena *mem, const uint8_t *data, size_t size, int type)
{
	size_t at = 0, len = 1;
	struct buf out;
	int found = 0;

	buf_init(&out, mem);
	while (found != TYPE_STDIN || len > 0) {
		must(size - at >= HEADER);
		found = data[at + 1];
		len = (size_t)data[at + 4] << 8 | data[at + 5];
		must(size - at - HEADER >= len + data[at + 6]);
		if (found == type)
			buf_put(&out, data + at + HEADER, len);
		at += HEADER + len + data[at + 6];
	}
	return out;
}

static size_t
take_length(const struct buf *params, size_t *at)
{
	const unsigned char *p = (const unsigned char *)params->data + *at;

	must(*at < params->len);
	*at += *p & 0x80 ? 4 : 1;
	must(*at <= params->len);
	return *p & 0x80 ? get_be32(p) & 0x7fffffff : *p;
}

/* The first pair that reads NAME=value as a string, as getenv(3) would. */
static const char *
first_param(struct arena *mem, const struct buf *params, const char *name)
{
	size_t at = 0, n = strlen(name);

	while (at < params->len) {
		size_t name_len = take_length(params, &at);
		size_t value_len = take_length(params, &at);
		struct buf pair;

		must(name_len + value_len <= params->len - at);
		buf_init(&pair, mem);
		buf_put(&pair, params->data + at, name_len);
		buf_putc(&pair, '=');
		at += name_len;
		buf_put(&pair, params->data + at, value_len);
		at += value_len;
		if (strncmp(pair.data, name, n) == 0 && pair.data[n] == '=')
			return pair.data + n + 1;
	}
	return "";
}

/* Both streams of a whole request, as they were sent. */
static void
judge_streams(struct arena *mem, const uint8_t *data, size_t size,
    const struct request *req)
{
	struct buf params = collect(mem, data, size, TYPE_PARAMS);
	struct buf body = collect(mem, data, size, TYPE_STDIN);
	const char *query = first_param(mem, &params, "QUERY_STRING");
	const char *client = first_param(mem, &params, "REMOTE_ADDR");

	must(strcmp(req->query, query) == 0);
	must(strcmp(req->client, client) == 0);
	if (req->body_err != OK)
		return;
	must(req->body_len == body.len);
	must(memcmp(req->body, body.data, body.len) == 0);
}

static void
judge_request(const struct request *req)
{
	size_t id = strspn(req->id, "0123456789abcdef");

	must(id > 0 && id <= 64 && req->id[id] == '\0');
	for (const char *c = req->path; *c != '\0'; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f);
	must(req->cookie == NULL || strlen(req->cookie) <= HEADER_MAX);
	must(req->body_len <= BODY_MAX && req->body[req->body_len] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum fcgi_look all = fcgi_look(data, size);
	struct arena *mem = fuzz_arena();
	struct request req;
	struct fcgi *f;

	prefix_agrees(data, size, all);
	f = connection_serve(data, size);
	must((f != NULL) == (all == FCGI_WHOLE || all == FCGI_LARGE));
	if (f == NULL)
		return 0;
	request_read(&req, f, mem);
	connection_end(f);
	judge_request(&req);
	if (all == FCGI_WHOLE)
		judge_streams(mem, data, size, &req);
	return 0;
}
