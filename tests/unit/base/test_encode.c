/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "tests/test.h"

/*
 * The encodings against their standards' own examples, and the decoders
 * against everything that would be a second spelling.
 */
static const struct {
	const char *raw, *text;
} base64url_pairs[] = {
	/* RFC 4648 section 10, without padding */
	{ "", "" },
	{ "f", "Zg" },
	{ "fo", "Zm8" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg" },
	{ "fooba", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "-_-_" },
};

START_TEST(base64url_goes_both_ways)
{
	const char *raw = base64url_pairs[_i].raw;
	const char *want = base64url_pairs[_i].text;
	size_t n = strlen(raw);
	char text[16], back[16];

	memset(text, 'x', sizeof text);
	base64url_encode(text, raw, n);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(strlen(text) + 1, BASE64URL_SIZE(n));
	ck_assert_int_eq(base64url_decode(back, n, text, strlen(text)), (int)n);
	ck_assert_mem_eq(back, raw, n);
	if (n > 0)
		ck_assert_int_eq(base64url_decode(back, n - 1, text,
				     strlen(text)),
		    -1);
}
END_TEST

static const char *const bad_base64url[] = { "A", "AAAAA", "Zg==", "Zh", "Zm9",
	"+/+/", "Zm 9v", "Zm9v\n", "Zm=v", "Zg.", "\xc3\xbc" };

START_TEST(base64url_has_one_spelling)
{
	char out[16];
	const char *text = bad_base64url[_i];

	ck_assert_int_eq(base64url_decode(out, sizeof out, text, strlen(text)),
	    -1);
}
END_TEST

START_TEST(base64url_holds_all_bytes)
{
	unsigned char raw[256], back[256];
	char text[BASE64URL_SIZE(256)];

	for (int i = 0; i < 256; i++)
		raw[i] = (unsigned char)i;
	for (size_t n = 0; n <= 256; n++) {
		base64url_encode(text, raw, n);
		ck_assert_int_eq(base64url_decode(back, n, text, strlen(text)),
		    (int)n);
		ck_assert_mem_eq(back, raw, n);
	}
}
END_TEST

START_TEST(hex_goes_both_ways)
{
	unsigned char raw[3] = { 0x00, 0x9f, 0xff }, back[3];
	char text[7];

	hex_encode(text, raw, 3);
	ck_assert_str_eq(text, "009fff");
	ck_assert_int_eq(hex_decode(back, 3, "009FfF", 6), 3);
	ck_assert_mem_eq(back, raw, 3);
	ck_assert_int_eq(hex_decode(back, 2, "009fff", 6), -1);
	ck_assert_int_eq(hex_decode(back, 3, "009ff", 5), -1);
	ck_assert_int_eq(hex_decode(back, 3, "0g", 2), -1);
	ck_assert_int_eq(hex_decode(back, 3, "", 0), 0);
}
END_TEST

START_TEST(uuid_v7_is_as_rfc_9562_has_it)
{
	/* Appendix A.6 */
	static const unsigned char random[10] = { 0x0c, 0xc3, 0x18, 0xc4, 0xdc,
		0x0c, 0x0c, 0x07, 0x39, 0x8f };
	struct uuid id = uuid_v7(0x017f22e279b0, random);
	char text[UUID_TEXT];

	ck_assert_str_eq(uuid_text(text, &id),
	    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}
END_TEST

static const struct {
	const char *text;
	bool sound;
} uuids[] = {
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", true },
	{ "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", true },
	{ "00000000-0000-0000-0000-000000000000", true },
	{ "", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff", false },
	{ "017f22e279b07cc398c4dc0c0c07398f", false },
	{ "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", false },
	{ "017f22e27-9b0-7cc3-98c4-dc0c0c07398f", false },
	{ "017f22e2 79b0 7cc3 98c4 dc0c0c07398f", false },
	{ "------------------------------------", false },
};

START_TEST(uuid_parse_takes_one_form)
{
	struct uuid id, before;
	char text[UUID_TEXT];

	memset(&id, 0x5a, sizeof id);
	before = id;
	ck_assert_int_eq(uuid_parse(&id, uuids[_i].text), uuids[_i].sound);
	if (uuids[_i].sound)
		ck_assert_int_eq(strcasecmp(uuid_text(text, &id),
				     uuids[_i].text),
		    0);
	else
		ck_assert_mem_eq(&id, &before, sizeof id);
}
END_TEST

static const struct {
	const char *in, *want;
} percents[] = {
	{ "", "" },
	{ "abc", "abc" },
	{ "a+b%20c", "a b c" },
	{ "%2B%2b", "++" },
	{ "%C3%BC", "\xc3\xbc" },
	{ "%25%32%35", "%25" },
	{ "%", NULL },
	{ "%4", NULL },
	{ "%4x", NULL },
	{ "%%41", NULL },
	{ "%00", NULL },
	{ "a%0", NULL },
};

START_TEST(percent_decode_undoes_a_browser)
{
	char s[32];
	const char *in = percents[_i].in, *want = percents[_i].want;
	size_t len = strlen(in);

	memcpy(s, in, len + 1);
	if (want == NULL) {
		ck_assert_int_eq(percent_decode(s, len), -1);
		return;
	}
	ck_assert_int_eq(percent_decode(s, len), (int)strlen(want));
	ck_assert_str_eq(s, want);
}
END_TEST

START_TEST(percent_decode_stays_within_its_length)
{
	char raw[2] = { 'a', '\0' }, cut[4] = { 'a', '%', '4', '1' };

	ck_assert_int_eq(percent_decode(raw, 2), -1);
	ck_assert_int_eq(percent_decode(cut, 3), -1);
}
END_TEST

static const struct {
	const char *s;
	int points;
} utf8[] = {
	{ "", 0 },
	{ "abc", 3 },
	{ "\xc3\xbc", 1 },
	{ "\xe2\x82\xac", 1 },
	{ "\xf0\x9f\x94\x91", 1 },
	{ "\xed\x9f\xbf\xee\x80\x80", 2 }, /* around the surrogates */
	{ "\xf4\x8f\xbf\xbf", 1 },         /* U+10FFFF */
	{ "\xc2\x80\xdf\xbf\xe0\xa0\x80", 3 },
	{ "\xc0\x80", -1 },         /* overlong NUL */
	{ "\xc1\xbf", -1 },         /* overlong */
	{ "\xe0\x9f\xbf", -1 },     /* overlong */
	{ "\xf0\x8f\xbf\xbf", -1 }, /* overlong */
	{ "\xed\xa0\x80", -1 },     /* surrogate */
	{ "\xed\xbf\xbf", -1 },     /* surrogate */
	{ "\xf4\x90\x80\x80", -1 }, /* over U+10FFFF */
	{ "\xf5\x80\x80\x80", -1 },
	{ "\xff", -1 },
	{ "\x80", -1 },
	{ "\xc3", -1 },
	{ "\xe2\x82", -1 },
	{ "\xf0\x9f\x94", -1 },
	{ "\xe2\x82z", -1 },
	{ "\xc3\xc3", -1 },
	{ "ok\xc3", -1 },
};

START_TEST(percent_encode_is_undone_by_decode)
{
	char all[256], text[3 * 255 + 1];

	percent_encode(text, "/a-b.c_d~e?f=1&g=+ %\"\xc3\xa4");
	ck_assert_str_eq(text, "/a-b.c_d~e%3Ff%3D1%26g%3D%2B%20%25%22%C3%A4");
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	percent_encode(text, all);
	ck_assert_int_eq(percent_decode(text, strlen(text)), 255);
	ck_assert_mem_eq(text, all, 255);
}
END_TEST

START_TEST(utf8_is_counted_or_refused)
{
	/* On the heap, so that a sanitizer sees a read past the end. */
	size_t n = strlen(utf8[_i].s);
	char *s = malloc(n + 1);

	memcpy(s, utf8[_i].s, n);
	s = realloc(s, n > 0 ? n : 1);
	ck_assert_int_eq(utf8_length(s, n), utf8[_i].points);
	free(s);
}
END_TEST

START_TEST(numbers_are_big_endian)
{
	unsigned char b[4];

	put_be32(b, 0x01020304);
	ck_assert_mem_eq(b, "\1\2\3\4", 4);
	ck_assert_uint_eq(get_be32(b), 0x01020304);
	put_be32(b, 0xfffefdfc);
	ck_assert_uint_eq(get_be32(b), 0xfffefdfc);
	put_be16(b, 0x0506);
	ck_assert_mem_eq(b, "\5\6", 2);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "base64url", base64url_goes_both_ways,
		    ROWS(base64url_pairs) },
		{ "base64url strict", base64url_has_one_spelling,
		    ROWS(bad_base64url) },
		{ "base64url bytes", base64url_holds_all_bytes, 0 },
		{ "hex", hex_goes_both_ways, 0 },
		{ "uuid v7", uuid_v7_is_as_rfc_9562_has_it, 0 },
		{ "uuid text", uuid_parse_takes_one_form, ROWS(uuids) },
		{ "percent", percent_decode_undoes_a_browser, ROWS(percents) },
		{ "percent length", percent_decode_stays_within_its_length, 0 },
		{ "percent encode", percent_encode_is_undone_by_decode, 0 },
		{ "utf8", utf8_is_counted_or_refused, ROWS(utf8) },
		{ "big endian", numbers_are_big_endian, 0 },
	};

	return test_main("encode", suite, ROWS(suite));
}
