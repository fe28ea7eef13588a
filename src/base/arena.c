/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/must.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZERS)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/*
 * One anonymous mapping: this header, then the bytes.  Pages are the
 * kernel's until they are touched, and come zeroed; arena_reset() zeroes what
 * was handed out, so all bytes past used are zero at any time and
 * arena_alloc() need not clear anything.
 *
 * Under AddressSanitizer what is not handed out is poisoned, with a gap after
 * each piece, so that an overrun shows as one on the heap would.
 */
#define ALIGN ((size_t)16)

struct arena {
	size_t size, used; /* of data */
	_Alignas(16) char data[];
};

static size_t
round_up(size_t n)
{
	return (n + ALIGN - 1) & ~(ALIGN - 1);
}

struct arena *
arena_new(size_t size)
{
	struct arena *a;
	size_t room = round_up(size);

	must(room >= size && room < SIZE_MAX - sizeof *a);
	a = mmap(NULL, sizeof *a + room, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(a != MAP_FAILED);
	a->size = room;
	ASAN_POISON_MEMORY_REGION(a->data, a->size);
	return a;
}

void
arena_reset(struct arena *a)
{
	ASAN_UNPOISON_MEMORY_REGION(a->data, a->used);
	explicit_bzero(a->data, a->used);
	ASAN_POISON_MEMORY_REGION(a->data, a->used);
	a->used = 0;
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	arena_reset(a);
	ASAN_UNPOISON_MEMORY_REGION(a->data, a->size);
	must(munmap(a, sizeof *a + a->size) == 0);
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	char *p = a->data + a->used;
	size_t left = a->size - a->used;

	/* One byte more than asked for: the gap, and no two equal pointers. */
	must(size < left);
	a->used += round_up(size + 1);
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	return p;
}

char *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_memdup(a, s, strlen(s));
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *out;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	must(n >= 0);
	out = arena_alloc(a, (size_t)n + 1);
	must(vsnprintf(out, (size_t)n + 1, fmt, ap) == n);
	return out;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	out = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return out;
}
