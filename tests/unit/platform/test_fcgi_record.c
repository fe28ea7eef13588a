/* SPDX-License-Identifier: ISC */
#include "platform/fcgi_record.h"

#include <string.h>

#include "tests/fcgi_client.h"
#include "tests/test.h"

/* What a first look at a connection tells, byte by byte if need be. */
static struct packet p;

/* A record by hand: version, type, id, length, padding, then the rest. */
#define RAW(s)                                                                 \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}
#define BEGIN "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
#define NO_PARAMS "\1\4\0\1\0\0\0\0"
#define NO_STDIN "\1\5\0\1\0\0\0\0"

static const struct {
	struct {
		const char *bytes;
		size_t n;
	} raw;
	enum fcgi_look want;
} connections[] = {
	{ RAW(""), FCGI_MORE },
	{ RAW("\1\1\0"), FCGI_MORE },
	{ RAW(BEGIN), FCGI_MORE },
	{ RAW(BEGIN NO_PARAMS), FCGI_MORE },
	{ RAW(BEGIN NO_PARAMS NO_STDIN), FCGI_WHOLE },
	/* Bytes after a request are not looked at. */
	{ RAW(BEGIN NO_PARAMS NO_STDIN "garbage!"), FCGI_WHOLE },
	/* Padding. */
	{ RAW(BEGIN "\1\4\0\1\0\4\4\0\1\1ABzzzz" NO_PARAMS NO_STDIN),
	    FCGI_WHOLE },
	{ RAW(BEGIN "\1\4\0\1\0\4\4\0\1\1ABzzz"), FCGI_MORE },
	/* An empty pair; a pair that is cut between records, also inside its
	 * lengths. */
	{ RAW(BEGIN "\1\4\0\1\0\2\0\0\0\0" NO_PARAMS NO_STDIN), FCGI_WHOLE },
	{ RAW(BEGIN "\1\4\0\1\0\1\0\0\1"
		    "\1\4\0\1\0\3\0\0\1AB" NO_PARAMS NO_STDIN),
	    FCGI_WHOLE },
	{ RAW(BEGIN "\1\4\0\1\0\2\0\0\200\0"
		    "\1\4\0\1\0\5\0\0\0\1\1AB" NO_PARAMS NO_STDIN),
	    FCGI_WHOLE },
	/* Another version, no id, another id, another role. */
	{ RAW("\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"), FCGI_BROKEN },
	{ RAW("\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0"), FCGI_BROKEN },
	{ RAW(BEGIN "\1\4\0\2\0\0\0\0"), FCGI_BROKEN },
	{ RAW("\1\1\0\1\0\10\0\0\0\2\0\0\0\0\0\0"), FCGI_BROKEN },
	/* A begin of another size; two; none. */
	{ RAW("\1\1\0\1\0\7\0\0"), FCGI_BROKEN },
	{ RAW(BEGIN BEGIN), FCGI_BROKEN },
	{ RAW(NO_PARAMS), FCGI_BROKEN },
	/* An abort, a management record, STDIN before its turn, PARAMS after
	 * its end. */
	{ RAW(BEGIN "\1\2\0\1\0\0\0\0"), FCGI_BROKEN },
	{ RAW("\1\11\0\0\0\0\0\0"), FCGI_BROKEN },
	{ RAW(BEGIN NO_STDIN), FCGI_BROKEN },
	{ RAW(BEGIN NO_PARAMS NO_PARAMS), FCGI_BROKEN },
	/* A padded empty record, which libfcgi would read on from. */
	{ RAW(BEGIN "\1\4\0\1\0\0\10\0" NO_STDIN), FCGI_BROKEN },
	/* Lengths that lie: over what came, cut off, and huge ones, the last
	 * before their record is all there. */
	{ RAW(BEGIN "\1\4\0\1\0\4\0\0\1\2AB" NO_PARAMS), FCGI_BROKEN },
	{ RAW(BEGIN "\1\4\0\1\0\1\0\0\1" NO_PARAMS), FCGI_BROKEN },
	{ RAW(BEGIN "\1\4\0\1\0\6\0\0\200\0\1\0\0A" NO_PARAMS), FCGI_BROKEN },
	{ RAW(BEGIN
	      "\1\4\0\1\0\10\0\0\177\377\377\376\177\377\377\376" NO_PARAMS),
	    FCGI_BROKEN },
	{ RAW(BEGIN "\1\4\0\1\1\10\0\0\377\377\377\376\377\377\377\376"),
	    FCGI_BROKEN },
};

START_TEST(a_connection_is_what_its_bytes_say)
{
	ck_assert_int_eq(fcgi_look(connections[_i].raw.bytes,
			     connections[_i].raw.n),
	    connections[_i].want);
}
END_TEST

START_TEST(every_prefix_of_a_request_wants_more)
{
	static const char *const params[] = { "REQUEST_METHOD", "POST",
		"DOCUMENT_URI", "/auth/login", NULL };

	packet_request(&p, params, "{\"email\":\"a@b.c\"}");
	for (size_t n = 0; n < p.n; n++)
		ck_assert_int_eq(fcgi_look(p.data, n), FCGI_MORE);
	ck_assert_int_eq(fcgi_look(p.data, p.n), FCGI_WHOLE);
}
END_TEST

/* Fills a packet with n parameters of 1000 bytes. */
static void
begin_with_params(size_t n)
{
	char value[1000 - 8 - 1 + 1];

	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	p.n = 0;
	packet_begin(&p);
	while (n-- > 0)
		packet_param(&p, "N", value);
}

START_TEST(parameters_have_a_cap)
{
	begin_with_params(FCGI_PARAMS_MAX / 1000);
	packet_end(&p, RECORD_PARAMS);
	packet_end(&p, RECORD_STDIN);
	ck_assert_int_eq(fcgi_look(p.data, p.n), FCGI_WHOLE);
	begin_with_params(FCGI_PARAMS_MAX / 1000 + 1);
	ck_assert_int_eq(fcgi_look(p.data, p.n), FCGI_BROKEN);
}
END_TEST

START_TEST(a_large_body_is_not_waited_for)
{
	static char body[FCGI_BODY_WAIT + 1];

	memset(body, 'b', sizeof body);
	begin_with_params(1);
	packet_end(&p, RECORD_PARAMS);
	packet_record(&p, RECORD_STDIN, body, 20000);
	packet_record(&p, RECORD_STDIN, body, FCGI_BODY_WAIT - 20000);
	ck_assert_int_eq(fcgi_look(p.data, p.n), FCGI_MORE);
	/* Counted as they come, not by their record. */
	packet_record(&p, RECORD_STDIN, body, 1000);
	ck_assert_int_eq(fcgi_look(p.data, p.n - 1000), FCGI_MORE);
	ck_assert_int_eq(fcgi_look(p.data, p.n - 999), FCGI_LARGE);
}
END_TEST

/* Records of one byte and 255 of padding, until nothing more is looked at. */
static void
fill_with_padding(int type)
{
	unsigned char record[8 + 1 + 255] = { 1, (unsigned char)type, 0, 1, 0,
		1, 255, 0 };

	while (p.n < FCGI_PEEK_MAX)
		packet_bytes(&p, record, sizeof record);
}

START_TEST(what_fills_the_buffer_is_not_waited_for)
{
	begin_with_params(1);
	fill_with_padding(RECORD_PARAMS);
	ck_assert_int_eq(fcgi_look(p.data, FCGI_PEEK_MAX), FCGI_BROKEN);
	begin_with_params(1);
	packet_end(&p, RECORD_PARAMS);
	fill_with_padding(RECORD_STDIN);
	ck_assert_int_eq(fcgi_look(p.data, FCGI_PEEK_MAX), FCGI_LARGE);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "connections", a_connection_is_what_its_bytes_say,
		    ROWS(connections) },
		{ "prefixes", every_prefix_of_a_request_wants_more, 0 },
		{ "cap", parameters_have_a_cap, 0 },
		{ "large", a_large_body_is_not_waited_for, 0 },
		{ "full", what_fills_the_buffer_is_not_waited_for, 0 },
	};

	return test_main("fcgi_record", suite, ROWS(suite));
}
