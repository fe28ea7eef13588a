/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"

/*
 * Growth doubles and leaves the old bytes to the arena, so a buffer of n
 * bytes takes at most about 4n of it.  The arena wipes them all at its reset.
 */
#define BUF_LEAST 128

/* Room for n more bytes and the NUL. */
static void
reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	char *data;

	must(n < SIZE_MAX / 4 - b->len);
	if (b->len + n < cap)
		return;
	while (cap <= b->len + n)
		cap *= 2;
	data = arena_alloc(b->mem, cap);
	memcpy(data, b->data, b->len + 1);
	b->data = data;
	b->cap = cap;
}

void
buf_init(struct buf *b, struct arena *mem)
{
	*b = (struct buf){
		.mem = mem,
		.data = arena_alloc(mem, BUF_LEAST),
		.cap = BUF_LEAST,
	};
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	reserve(b, n);
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);

	reserve(b, (size_t)n);
	va_start(ap, fmt);
	must(vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap) == n);
	va_end(ap);
	b->len += (size_t)n;
}
