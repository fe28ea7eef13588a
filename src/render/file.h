/* SPDX-License-Identifier: ISC */
#ifndef RENDER_FILE_H
#define RENDER_FILE_H

#include <stddef.h>

#include "render/template.h"

struct arena;

/*
 * The files that templates_load() reads, and what it finds wrong in them.
 * They are an operator's as well as ours, so everything is told and nothing
 * is trusted.
 */
#define FILE_MOST 32768 /* bytes of one */

struct problems {
	template_report *report;
	void *arg;
	int n;
};

/* Reports and counts one. */
void problem(struct problems *ps, const char *file, int line, const char *what);

/*
 * The text of the file called name, NUL-terminated in mem, from the first of
 * dirs that has it (NULL and "" are skipped); *path is the file, *n its
 * bytes.  NULL after a report, also for what is no UTF-8 text.
 */
char *file_read(struct problems *ps, struct arena *mem,
    const char *const dirs[2], const char *name, const char **path, size_t *n);

#endif
