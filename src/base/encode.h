/* SPDX-License-Identifier: ISC */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Standard encodings: base64url without padding (RFC 4648 section 5),
 * hexadecimal, percent-encoding (RFC 3986), UUID version 7 (RFC 9562), UTF-8
 * (RFC 3629).  Decoders are strict: one spelling a value, so that a token
 * cannot be written in two ways.
 */

struct uuid {
	unsigned char b[16];
};

#define UUID_TEXT 37 /* 36 characters and a NUL */

/* Bytes that n bytes take in base64url, the NUL counted. */
#define BASE64URL_SIZE(n) (((n)*4 + 2) / 3 + 1)

/* Writes BASE64URL_SIZE(n) bytes to out, the last one NUL. */
void base64url_encode(char *out, const void *in, size_t n);

/*
 * Decodes len characters into at most cap bytes.  Returns how many, or -1
 * for a foreign character, padding, a length of 4k+1, unused bits that are
 * not zero, or a result over cap.
 */
int base64url_decode(void *out, size_t cap, const char *in, size_t len);

/* The value of a hexadecimal digit of either case, or -1. */
int hex_digit(char c);

/* Writes 2n lower-case digits and a NUL. */
void hex_encode(char *out, const void *in, size_t n);

/* Decodes len digits of either case; -1 as above. */
int hex_decode(void *out, size_t cap, const char *in, size_t len);

/*
 * A version 7 UUID: unix_ms in its first 48 bits, the version and variant
 * set, the rest from random (at least 10 bytes).
 */
struct uuid uuid_v7(int64_t unix_ms, const unsigned char random[10]);

/* Writes the 8-4-4-4-12 form to out and returns out. */
char *uuid_text(char out[UUID_TEXT], const struct uuid *id);

/* Reads exactly the 8-4-4-4-12 form, either case. */
bool uuid_parse(struct uuid *id, const char *text);

/*
 * Percent-decodes len bytes of an application/x-www-form-urlencoded part in
 * place ('+' is a blank); returns the new length, or -1 for a broken escape
 * or a NUL byte.  The result is NUL-terminated when it got shorter only.
 */
int percent_decode(char *s, size_t len);

/*
 * Writes s to out, at most 3 bytes for each and a NUL, so that it can stand
 * in a query: all but unreserved characters and slashes is escaped.
 */
void percent_encode(char *out, const char *s);

/*
 * The number of code points in a well-formed UTF-8 string of len bytes, or
 * -1: overlong forms, surrogates, values over U+10FFFF and truncated
 * sequences are refused.
 */
int utf8_length(const char *s, size_t len);

void put_be16(unsigned char out[2], unsigned v);
void put_be32(unsigned char out[4], uint32_t v);
uint32_t get_be32(const unsigned char in[4]);

#endif
