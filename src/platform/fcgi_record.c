/* SPDX-License-Identifier: ISC */
#include "platform/fcgi_record.h"

#include <stdbool.h>

#include "base/encode.h"

/*
 * Walks record headers and the lengths inside PARAMS.  Every look starts from
 * the first byte again, so there is no state to keep a connection; what a
 * record holds so far is judged before the rest of it comes.
 */
#define RECORD_HEADER 8
#define BEGIN_BODY 8
#define VERSION 1
#define RESPONDER 1

enum stage {
	STAGE_BEGIN,
	STAGE_PARAMS,
	STAGE_STDIN,
	STAGE_END,
};

/* The one type of record each stage takes (FastCGI 1.0, section 8). */
static const unsigned char stage_type[] = {
	[STAGE_BEGIN] = 1,
	[STAGE_PARAMS] = 4,
	[STAGE_STDIN] = 5,
};

struct walk {
	enum stage stage;
	unsigned id;
	size_t params, body; /* bytes of either stream so far */

	/* In PARAMS: the two lengths being gathered, then what they announce
	 * and has not come yet. */
	unsigned char length[8];
	size_t length_have, pair_left;
};

static unsigned
get_be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* How many bytes the length that starts at p has. */
static size_t
length_size(const unsigned char *p)
{
	return *p & 0x80 ? 4 : 1;
}

static size_t
length_value(const unsigned char *p)
{
	return *p & 0x80 ? get_be32(p) & 0x7fffffff : *p;
}

/* Whether both lengths of a pair are there; if so, what they announce. */
static bool
pair_begins(struct walk *w)
{
	size_t name = length_size(w->length);

	if (w->length_have <= name ||
	    w->length_have < name + length_size(w->length + name))
		return false;
	w->pair_left = length_value(w->length) + length_value(w->length + name);
	w->length_have = 0;
	return true;
}

/* Walks the name-value pairs in n more bytes of the stream. */
static bool
params_feed(struct walk *w, const unsigned char *p, size_t n)
{
	while (n > 0) {
		size_t step = w->pair_left < n ? w->pair_left : n;

		if (step == 0) {
			w->length[w->length_have++] = *p;
			if (pair_begins(w) && w->pair_left > FCGI_PARAMS_MAX)
				return false;
			step = 1;
		} else {
			w->pair_left -= step;
		}
		p += step;
		n -= step;
	}
	return true;
}

static bool
begin(struct walk *w, const unsigned char *header, size_t have)
{
	const unsigned char *body = header + RECORD_HEADER;

	/* libfcgi reads the padding of this record as records. */
	if (get_be16(header + 4) != BEGIN_BODY || header[6] != 0)
		return false;
	if (have < BEGIN_BODY)
		return true;
	w->id = get_be16(header + 2);
	w->stage = STAGE_PARAMS;
	return get_be16(body) == RESPONDER;
}

/* An empty record: the end of a stream.  libfcgi does not skip its padding. */
static bool
end_stream(struct walk *w, const unsigned char *header)
{
	w->stage++;
	return header[6] == 0 && w->pair_left == 0 && w->length_have == 0;
}

/* Takes one record, of whose content have bytes are there. */
static bool
record(struct walk *w, const unsigned char *header, size_t have)
{
	unsigned id = get_be16(header + 2);
	size_t length = get_be16(header + 4);

	if (header[0] != VERSION || header[1] != stage_type[w->stage] ||
	    id == 0)
		return false;
	if (w->stage == STAGE_BEGIN)
		return begin(w, header, have);
	if (id != w->id)
		return false;
	if (length == 0)
		return end_stream(w, header);
	if (w->stage == STAGE_STDIN) {
		w->body += have;
		return true;
	}
	w->params += length;
	return w->params <= FCGI_PARAMS_MAX &&
	    params_feed(w, header + RECORD_HEADER, have);
}

enum fcgi_look
fcgi_look(const void *p, size_t n)
{
	const unsigned char *at = p, *end = at + n;
	struct walk w = { .stage = STAGE_BEGIN };

	while (w.stage != STAGE_END && end - at >= RECORD_HEADER) {
		size_t left = (size_t)(end - at) - RECORD_HEADER;
		size_t length = get_be16(at + 4), padding = at[6];

		if (!record(&w, at, length < left ? length : left))
			return FCGI_BROKEN;
		if (left < length + padding)
			break;
		at += RECORD_HEADER + length + padding;
	}
	if (w.stage == STAGE_END)
		return FCGI_WHOLE;
	if (w.stage == STAGE_STDIN &&
	    (w.body > FCGI_BODY_WAIT || n >= FCGI_PEEK_MAX))
		return FCGI_LARGE;
	return n >= FCGI_PEEK_MAX ? FCGI_BROKEN : FCGI_MORE;
}
