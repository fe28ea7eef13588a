/* SPDX-License-Identifier: ISC */
#include "base/encode.h"

#include <string.h>

/*
 * Standard encodings in one place.  None is done in constant time:
 * what is secret is compared decoded or hashed, never by its spelling.
 */
static const char base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex[] = "0123456789abcdef";

/* The digit's value, or -1. */
static int
base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void
base64url_encode(char *out, const void *in, size_t n)
{
	const unsigned char *p = in;
	uint32_t bits = 0;
	int held = 0;

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | p[i]) & 0xffff;
		for (held += 8; held >= 6; held -= 6)
			*out++ = base64url[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*out++ = base64url[bits << (6 - held) & 63];
	*out = '\0';
}

int
base64url_decode(void *out, size_t cap, const char *in, size_t len)
{
	unsigned char *p = out;
	uint32_t bits = 0;
	size_t n = 0;
	int held = 0, digit;

	if (len % 4 == 1 || len / 4 * 3 + (len % 4 * 3 / 4) > cap ||
	    cap > INT32_MAX)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if ((digit = base64url_digit(in[i])) < 0)
			return -1;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		if ((held += 6) < 8)
			continue;
		held -= 8;
		p[n++] = (unsigned char)(bits >> held & 0xff);
	}
	/* Unused bits that are not zero would be a second spelling. */
	return (bits & ((1U << held) - 1)) == 0 ? (int)n : -1;
}

void
hex_encode(char *out, const void *in, size_t n)
{
	const unsigned char *p = in;

	for (size_t i = 0; i < n; i++) {
		*out++ = hex[p[i] >> 4];
		*out++ = hex[p[i] & 15];
	}
	*out = '\0';
}

int
hex_decode(void *out, size_t cap, const char *in, size_t len)
{
	unsigned char *p = out;

	if (len % 2 != 0 || len / 2 > cap || cap > INT32_MAX)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex_digit(in[2 * i]);
		int low = hex_digit(in[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		p[i] = (unsigned char)(high << 4 | low);
	}
	return (int)(len / 2);
}

struct uuid
uuid_v7(int64_t unix_ms, const unsigned char random[10])
{
	struct uuid id;

	put_be16(id.b, (unsigned)(unix_ms >> 32 & 0xffff));
	put_be32(id.b + 2, (uint32_t)(unix_ms & 0xffffffff));
	memcpy(id.b + 6, random, 10);
	id.b[6] = (unsigned char)((id.b[6] & 0x0f) | 0x70);
	id.b[8] = (unsigned char)((id.b[8] & 0x3f) | 0x80);
	return id;
}

static bool
uuid_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

char *
uuid_text(char out[UUID_TEXT], const struct uuid *id)
{
	char digits[2 * sizeof id->b + 1];
	const char *d = digits;

	hex_encode(digits, id->b, sizeof id->b);
	for (size_t i = 0; i < UUID_TEXT - 1; i++)
		out[i] = (char)(uuid_dash_at(i) ? '-' : *d++);
	out[UUID_TEXT - 1] = '\0';
	return out;
}

bool
uuid_parse(struct uuid *id, const char *text)
{
	char digits[2 * sizeof id->b];
	struct uuid read;
	size_t n = 0;

	if (strnlen(text, UUID_TEXT) != UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < UUID_TEXT - 1; i++) {
		if (uuid_dash_at(i) != (text[i] == '-'))
			return false;
		if (text[i] != '-')
			digits[n++] = text[i];
	}
	if (hex_decode(read.b, sizeof read.b, digits, n) < 0)
		return false;
	*id = read;
	return true;
}

/* The byte that "XX" after a '%' stands for, or -1; NUL counts as broken. */
static int
percent_byte(const char *s, size_t len)
{
	unsigned char byte;

	if (len < 2 || hex_decode(&byte, 1, s, 2) < 0 || byte == 0)
		return -1;
	return byte;
}

int
percent_decode(char *s, size_t len)
{
	size_t n = 0;
	int byte;

	if (len > INT32_MAX)
		return -1;
	for (size_t i = 0; i < len; i++) {
		byte = s[i] == '+' ? ' ' : (unsigned char)s[i];
		if (byte == 0)
			return -1;
		if (byte == '%') {
			if ((byte = percent_byte(s + i + 1, len - i - 1)) < 0)
				return -1;
			i += 2;
		}
		s[n++] = (char)byte;
	}
	if (n < len)
		s[n] = '\0';
	return (int)n;
}

void
percent_encode(char *out, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";

	for (; *s != '\0'; s++) {
		unsigned char byte = (unsigned char)*s;

		if (strchr(plain, *s) != NULL) {
			*out++ = *s;
			continue;
		}
		*out++ = '%';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
	*out = '\0';
}

/*
 * The length of the sequence that starts at p, or 0 if none does.  The
 * narrower bounds of the second byte keep out overlong forms, surrogates and
 * values over U+10FFFF (Unicode, table 3-7).
 */
static size_t
utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char least = 0x80, most = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		least = 0xa0;
	if (p[0] == 0xed)
		most = 0x9f;
	if (p[0] == 0xf0)
		least = 0x90;
	if (p[0] == 0xf4)
		most = 0x8f;
	if (p[1] < least || p[1] > most)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

int
utf8_length(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	int points = 0;
	size_t n;

	if (len > INT32_MAX)
		return -1;
	for (size_t i = 0; i < len; i += n) {
		if ((n = utf8_sequence(p + i, len - i)) == 0)
			return -1;
		points++;
	}
	return points;
}

void
put_be16(unsigned char out[2], unsigned v)
{
	out[0] = (unsigned char)(v >> 8 & 0xff);
	out[1] = (unsigned char)(v & 0xff);
}

void
put_be32(unsigned char out[4], uint32_t v)
{
	put_be16(out, v >> 16);
	put_be16(out + 2, v & 0xffff);
}

uint32_t
get_be32(const unsigned char in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	    (uint32_t)in[2] << 8 | in[3];
}
