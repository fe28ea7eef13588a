/* SPDX-License-Identifier: ISC */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct arena;

/*
 * A growing byte string in an arena.  data is always NUL-terminated, the NUL
 * not counted in len.  A buffer lives as long as its arena and is never
 * freed.
 */
struct buf {
	struct arena *mem;
	char *data;
	size_t len, cap;
};

void buf_init(struct buf *b, struct arena *mem);

/* Each appends; what does not fit the arena is a bug (must). */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
