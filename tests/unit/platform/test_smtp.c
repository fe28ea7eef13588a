/* SPDX-License-Identifier: ISC */
/*
 * One mail over one session, against a server that answers in every way a
 * server can: what counts as delivered, what is tried again, and what is
 * never said to a server that did not earn it.
 */
#include "platform/smtp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/smtp_watch.h"
#include "tests/test.h"
#include "tests/unit/platform/smtp_sink.h"

#define MESSAGE                                                                \
	"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nFrom: <a@example.org>\r\n"   \
	"To: <b@example.org>\r\nMessage-ID: <1@example.org>\r\n"               \
	"MIME-Version: 1.0\r\nSubject: x\r\n\r\nhello\r\n.dot\r\nend\r\n"

static const struct sending plain = { .sender = "a@example.org",
	.recipient = "b@example.org",
	.message = MESSAGE };
static const struct sending with_auth = { .sender = "a@example.org",
	.recipient = "b@example.org",
	.message = MESSAGE,
	.relay = { .user = "postern", .password = "s3cret" } };
static const struct sending with_tls = { .sender = "a@example.org",
	.recipient = "b@example.org",
	.message = MESSAGE,
	.relay = { .user = "postern", .password = "s3cret", .starttls = 1 } };

static struct session s;

/* What the replies make of a mail. */
static const struct {
	struct script script;
	enum smtp_outcome want;
	int code;
} outcomes[] = {
	{ { .ehlo = NULL }, SMTP_DELIVERED, 250 },
	{ { .ehlo = "250-sink\r\n250-PIPELINING\r\n250 8BITMIME" },
	    SMTP_DELIVERED, 250 },
	{ { .ehlo = "502 no" }, SMTP_DELIVERED, 250 }, /* HELO then */
	{ { .body = "251-two\r\n251 lines" }, SMTP_DELIVERED, 251 },
	{ { .quit = HANG }, SMTP_DELIVERED, 250 },
	{ { .quit = DROP }, SMTP_DELIVERED, 250 },
	{ { .quit = "500 never" }, SMTP_DELIVERED, 250 },
	{ { .greeting = "421 busy" }, SMTP_LATER, 0 },
	{ { .greeting = "554 go away" }, SMTP_LATER, 0 },
	{ { .greeting = "220-half" }, SMTP_LATER, 0 },
	{ { .greeting = "nonsense" }, SMTP_LATER, 0 },
	{ { .greeting = HANG }, SMTP_LATER, 0 },
	{ { .greeting = DROP }, SMTP_LATER, 0 },
	{ { .ehlo = "451 not now" }, SMTP_LATER, 0 },
	{ { .ehlo = "550 not you" }, SMTP_LATER, 0 },
	{ { .mail = "451 not now" }, SMTP_LATER, 451 },
	{ { .mail = "550 not from there" }, SMTP_LATER, 550 },
	{ { .mail = HANG }, SMTP_LATER, 0 },
	{ { .mail = DROP }, SMTP_LATER, 0 },
	{ { .rcpt = "451 not now" }, SMTP_LATER, 451 },
	{ { .rcpt = "451 not now", .data = "503 no recipient" }, SMTP_LATER,
	    451 },
	{ { .rcpt = "550 nobody" }, SMTP_REFUSED, 550 },
	{ { .rcpt = "550 nobody", .data = "503 no recipient" }, SMTP_REFUSED,
	    550 },
	{ { .rcpt = DROP }, SMTP_LATER, 0 },
	{ { .data = "452 full" }, SMTP_LATER, 452 },
	{ { .data = "554 no" }, SMTP_REFUSED, 554 },
	{ { .data = HANG }, SMTP_LATER, 0 },
	{ { .data = DROP }, SMTP_LATER, 0 },
	{ { .body = "452 full" }, SMTP_LATER, 452 },
	{ { .body = "554 spam" }, SMTP_REFUSED, 554 },
	{ { .body = HANG }, SMTP_LATER, 0 },
	{ { .body = DROP }, SMTP_LATER, 0 },
	{ { .body = "25" }, SMTP_LATER, 0 },
};

START_TEST(outcome_follows_the_replies)
{
	run_session(&s, &plain, &outcomes[_i].script);
	ck_assert_msg(s.result.outcome == outcomes[_i].want &&
		s.result.code == outcomes[_i].code,
	    "row %d: %d, code %d, %s", _i, s.result.outcome, s.result.code,
	    s.result.what);
	ck_assert_str_ne(s.result.what, "");
}
END_TEST

/* A mail that was taken is known to be at once. */
START_TEST(goodbye_is_not_waited_for)
{
	struct script script = { .quit = HANG };
	int64_t start = clock_steady_ms();

	run_session(&s, &plain, &script);
	ck_assert_int_eq(s.result.outcome, SMTP_DELIVERED);
	ck_assert_int_lt(clock_steady_ms() - start, 900);
}
END_TEST

START_TEST(nobody_listening_is_for_later)
{
	struct sending w = plain;
	struct script script = { .ehlo = NULL };

	w.relay.host = "127.0.0.2"; /* where the sink does not listen */
	run_session(&s, &w, &script);
	ck_assert_int_eq(s.result.outcome, SMTP_LATER);
	ck_assert_int_eq(s.connections, 0);
}
END_TEST

static int
count(const char *what)
{
	int n = 0;

	for (const char *p = s.told; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

START_TEST(message_arrives_as_it_was)
{
	struct script script = { .ehlo = NULL };

	run_session(&s, &plain, &script);
	ck_assert_ptr_nonnull(strstr(s.told, "MAIL FROM:<a@example.org>\r\n"));
	ck_assert_ptr_nonnull(strstr(s.told, "RCPT TO:<b@example.org>\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(s.told, "\r\n\r\nhello\r\n..dot\r\nend\r\n.\r\n"));
	ck_assert_int_eq(count("\r\nDate:") + count("\nDate:"), 2);
	ck_assert_int_eq(count("\nMessage-I"), 1);
	ck_assert_int_eq(count("\nMessage-ID: <1@example.org>\r\n"), 1);
	ck_assert_int_eq(count("\nFrom:"), 1);
	ck_assert_int_eq(count("\nTo:"), 1);
}
END_TEST

#define AUTH_OFFER "250-sink\r\n250 AUTH PLAIN LOGIN"

static const struct {
	struct script script;
	int sent; /* whether MAIL FROM may be seen */
} auths[] = {
	{ { .ehlo = AUTH_OFFER, .auth = "235 welcome" }, 1 },
	{ { .ehlo = AUTH_OFFER, .auth = "535 wrong" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = "535-wrong\r\n535 really" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = "454 not now" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = "504 not that" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = "250 as you like" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = "nonsense" }, 0 },
	{ { .ehlo = AUTH_OFFER, .auth = DROP }, 0 },
	{ { .ehlo = "250-sink\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN",
	      .auth = "535 wrong" },
	    0 },
	{ { .ehlo = "250-sink\r\n250 AUTH SOMETHING-ELSE" }, 0 },
	{ { .ehlo = "250 sink" }, 0 },
	{ { .ehlo = "502 no" }, 0 }, /* HELO knows no AUTH */
	{ { .ehlo = "235-sink\r\n235 PLAIN" }, 0 },
};

START_TEST(without_auth_nothing_is_sent)
{
	run_session(&s, &with_auth, &auths[_i].script);
	ck_assert_int_eq(strstr(s.told, "MAIL") != NULL, auths[_i].sent);
	ck_assert_int_eq(s.result.outcome,
	    auths[_i].sent ? SMTP_DELIVERED : SMTP_LATER);
	ck_assert_ptr_null(strstr(s.result.what, "s3cret"));
}
END_TEST

START_TEST(refused_password_is_tried_once)
{
	run_session(&s, &with_auth, &auths[1].script);
	ck_assert_int_eq(count("AUTH "), 1);
	ck_assert_ptr_nonnull(strstr(s.result.what, "refused AUTH: 535"));
}
END_TEST

static const struct script tls_less[] = {
	{ .ehlo = AUTH_OFFER, .auth = "235 welcome" },
	{ .ehlo = "502 no" },
	{ .ehlo = "250-sink\r\n250 STARTTLS", .starttls = "454 not now" },
	{ .ehlo = "250-sink\r\n250 STARTTLS", .starttls = "554 never" },
	{ .ehlo = "250-sink\r\n250 STARTTLS", .starttls = DROP },
	{ .ehlo = "250-sink\r\n250 STARTTLS", .starttls = "220 nonsense" },
	/* Planted answers, to be believed after the handshake. */
	{ .ehlo = "250-sink\r\n250 STARTTLS",
	    .starttls = "220 go\r\n250-sink\r\n250 AUTH PLAIN" },
	{ .ehlo = "250-sink\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN" },
};

START_TEST(without_tls_nothing_is_sent)
{
	run_session(&s, &with_tls, &tls_less[_i]);
	ck_assert_int_eq(s.result.outcome, SMTP_LATER);
	ck_assert_ptr_null(strstr(s.told, "AUTH"));
	ck_assert_ptr_null(strstr(s.told, "MAIL"));
}
END_TEST

START_TEST(planted_answers_are_noticed)
{
	run_session(&s, &with_tls, &tls_less[6]);
	ck_assert_str_eq(s.result.what,
	    "the relay said more than it was asked before TLS");
}
END_TEST

/* Certificates, and whether a mail goes to the server that shows one. */
static const struct {
	const char *names, *host;
	int trusted, version, sent;
	const char *what;
} certificates[] = {
	{ "DNS:localhost", "localhost", 1, 0x0303, 1, "delivered:" },
	{ "DNS:other,DNS:localhost", "localhost", 1, 0x0303, 1, "delivered:" },
	{ "IP:127.0.0.1", "127.0.0.1", 1, 0x0303, 1, "delivered:" },
	{ "DNS:localhost", "localhost", 0, 0x0303, 0, "certificate" },
	{ "DNS:example.org", "localhost", 1, 0x0303, 0, "ostname mismatch" },
	{ "DNS:localhost", "127.0.0.1", 1, 0x0303, 0, "address mismatch" },
	{ "DNS:127.0.0.1", "127.0.0.1", 1, 0x0303, 0, "address mismatch" },
	{ "DNS:localhost", "localhost", 1, 0x0304, 0, "handshake failed" },
};

START_TEST(certificate_decides)
{
	char path[] = "/tmp/postern-test-XXXXXX", other[sizeof path];
	struct script script = { .ehlo = "250-sink\r\n250-STARTTLS\r\n"
					 "250 AUTH PLAIN",
		.auth = "235 welcome",
		.tls = 1 };
	struct sending w = with_tls;

	memcpy(other, path, sizeof path);
	close(mkstemp(other));
	close(mkstemp(path));
	make_certificate("DNS:other", other, certificates[_i].version);
	make_certificate(certificates[_i].names, path,
	    certificates[_i].version);
	w.relay.host = certificates[_i].host;
	w.relay.ca_file = certificates[_i].trusted ? path : other;
	run_session(&s, &w, &script);
	unlink(path);
	unlink(other);
	ck_assert_ptr_nonnull(strstr(s.result.what, certificates[_i].what));
	ck_assert_int_eq(strstr(s.told, "MAIL") != NULL, certificates[_i].sent);
	ck_assert_int_eq(strstr(s.told, "AUTH") != NULL, certificates[_i].sent);
}
END_TEST

START_TEST(unreadable_ca_file_is_for_later)
{
	struct script script = { .ehlo = NULL };
	struct sending w = with_tls;

	w.relay.ca_file = "/nonexistent";
	run_session(&s, &w, &script);
	ck_assert_int_eq(s.result.outcome, SMTP_LATER);
	ck_assert_int_eq(s.connections, 0);
}
END_TEST

static const struct {
	const char *address;
	int ok;
} addresses[] = {
	{ "a@b", 1 },
	{ "first.last+tag@example.org", 1 },
	{ "o'hara!#$%&*/=?^_`{|}~-@example.org", 1 },
	{ "", 0 },
	{ "a", 0 },
	{ "@b", 0 },
	{ "a@", 0 },
	{ "a@b@c", 0 },
	{ "a@b\r\nRCPT TO:<c@d>", 0 },
	{ "a@b\n", 0 },
	{ "a@b\r", 0 },
	{ "a@b>", 0 },
	{ "<a@b", 0 },
	{ "a b@c", 0 },
	{ "a@b c", 0 },
	{ "a@b\t", 0 },
	{ "a@b,c@d", 0 },
	{ "\"a\"@b", 0 },
	{ "a@[127.0.0.1]", 0 },
	{ "\xc3\xa4@b", 0 },
	{ "a@b\x7f", 0 },
};

START_TEST(addresses_are_judged)
{
	ck_assert_int_eq(smtp_address_ok(addresses[_i].address),
	    addresses[_i].ok);
}
END_TEST

START_TEST(bad_addresses_reach_no_server)
{
	struct script script = { .ehlo = NULL };
	struct sending w = plain;

	if (addresses[_i].ok)
		return;
	w.recipient = addresses[_i].address;
	run_session(&s, &w, &script);
	ck_assert_int_eq(s.result.outcome, SMTP_REFUSED);
	ck_assert_int_eq(s.connections, 0);
	w = plain;
	w.sender = addresses[_i].address;
	run_session(&s, &w, &script);
	ck_assert_int_eq(s.result.outcome, SMTP_REFUSED);
	ck_assert_int_eq(s.connections, 0);
}
END_TEST

/* A server's words, and what of them is kept. */
static const struct {
	const char *said, *kept;
} words[] = {
	{ "User unknown", "x 550 User unknown" },
	{ "<b@example.org>: no\r\n", "x 550 [...] no" },
	{ "see https://example.org/ why", "x 550 see [...] why" },
	{ "bad\x1b[31m \x07 thing\x80", "x 550 bad?[31m ? thing?" },
	{ "token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bad",
	    "x 550 [...] bad" },
	{ "  many \t blanks  ", "x 550 many blanks" },
};

START_TEST(servers_words_are_cleaned)
{
	struct smtp_result r =
	    smtp_result(SMTP_REFUSED, "x", 550, words[_i].said);

	ck_assert_str_eq(r.what, words[_i].kept);
}
END_TEST

START_TEST(long_words_fit)
{
	char text[4096];
	struct smtp_result r;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 10 == 9 ? ' ' : 'a';
	text[sizeof text - 1] = '\0';
	r = smtp_result(SMTP_LATER, "x", 0, text);
	ck_assert_uint_lt(strlen(r.what), sizeof r.what);
	ck_assert_uint_gt(strlen(r.what), sizeof r.what - 20);
}
END_TEST

START_TEST(replies_may_come_byte_by_byte)
{
	static const char greeting[] = "220-a\r\n220 b\r\n";
	struct smtp_watch w;
	const char *why = NULL;

	smtp_watch_init(&w, true, false);
	for (size_t i = 0; i < sizeof greeting - 1; i++)
		ck_assert_int_eq(smtp_watch_received(&w, &greeting[i], 1, &why),
		    SMTP_GO_ON);
	ck_assert_int_eq(w.owed, 0);
	ck_assert_int_eq(smtp_watch_code(&w), 220);
	ck_assert_int_eq(smtp_watch_received(&w, "2", 1, &why), SMTP_CUT);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "outcome", outcome_follows_the_replies, ROWS(outcomes) },
		{ "goodbye", goodbye_is_not_waited_for, 0 },
		{ "nobody", nobody_listening_is_for_later, 0 },
		{ "message", message_arrives_as_it_was, 0 },
		{ "auth", without_auth_nothing_is_sent, ROWS(auths) },
		{ "password", refused_password_is_tried_once, 0 },
		{ "tls", without_tls_nothing_is_sent, ROWS(tls_less) },
		{ "planted", planted_answers_are_noticed, 0 },
		{ "certificate", certificate_decides, ROWS(certificates) },
		{ "ca file", unreadable_ca_file_is_for_later, 0 },
		{ "address", addresses_are_judged, ROWS(addresses) },
		{ "bad address", bad_addresses_reach_no_server,
		    ROWS(addresses) },
		{ "words", servers_words_are_cleaned, ROWS(words) },
		{ "long words", long_words_fit, 0 },
		{ "bytes", replies_may_come_byte_by_byte, 0 },
	};

	return test_main("smtp", suite, ROWS(suite));
}
