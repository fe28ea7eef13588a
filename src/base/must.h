/* SPDX-License-Identifier: ISC */
#ifndef BASE_MUST_H
#define BASE_MUST_H

/*
 * must(x) states what can only be false through a bug of ours.  It is
 * compiled in always: a worker that finds its own state wrong dies, and the
 * supervisor starts another.  Never use it on anything that came from
 * outside.
 */
#define must(x) ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__, __func__))

/* Reports through the hook and aborts. */
_Noreturn void must_failed(const char *what, const char *file, int line,
    const char *func);

/*
 * Sets who is told before the abort (platform/log sets itself here; base/
 * writes nothing by itself).  NULL takes the hook away.
 */
void must_set_hook(void (
    *hook)(const char *what, const char *file, int line, const char *func));

#endif
