/* SPDX-License-Identifier: ISC */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/*
 * The memory of one request: handed out front to back, never freed singly,
 * given back whole.  The size is fixed when it is made; since all input is
 * capped before it is read, running out is a bug and ends in must().
 *
 * arena_reset() overwrites every byte that was handed out, so passwords and
 * tokens that lived in it do not outlive their request.
 */
struct arena;

/* A new arena of size bytes (pages are taken as they are touched). */
struct arena *arena_new(size_t size);

/* Wipes and frees *ap and sets it to NULL; NULL inside is accepted. */
void arena_free(struct arena **ap);

/* Wipes what was handed out and starts over. */
void arena_reset(struct arena *a);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *a);

/* size zeroed bytes, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size)
    __attribute__((returns_nonnull));

/* A copy of n bytes with a NUL after them. */
char *arena_memdup(struct arena *a, const void *p, size_t n);

/* A copy of s; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);

/* printf and vprintf into the arena. */
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
