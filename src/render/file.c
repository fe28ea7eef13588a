/* SPDX-License-Identifier: ISC */
/*
 * Reading of templates, texts and static files: whole, at most FILE_MOST
 * bytes, and only from regular files, so that no FIFO stops the start.
 */
#include "render/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encode.h"

void
problem(struct problems *ps, const char *file, int line, const char *what)
{
	ps->n++;
	ps->report(ps->arg, file, line, what);
}

/* The text of an open file; NULL with what is wrong in *why. */
static char *
read_text(struct arena *mem, int fd, size_t *n, const char **why)
{
	struct stat st;
	char *text;
	ssize_t got;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*why = "is not a regular file";
		return NULL;
	}
	if (st.st_size > FILE_MOST) {
		*why = "is larger than 32 KiB";
		return NULL;
	}
	text = arena_alloc(mem, (size_t)st.st_size + 1);
	got = read(fd, text, (size_t)st.st_size);
	if (got != st.st_size) {
		*why = "cannot be read whole";
		return NULL;
	}
	*n = (size_t)got;
	if (strlen(text) != *n || utf8_length(text, *n) < 0) {
		*why = "is not UTF-8 text";
		return NULL;
	}
	return text;
}

/* Opens it in the first folder that has it; -1 with errno. */
static int
open_first(struct arena *mem, const char *const dirs[2], const char *name,
    const char **path)
{
	int fd = -1;

	errno = ENOENT;
	for (int i = 0; i < 2 && fd < 0 && errno == ENOENT; i++) {
		if (dirs[i] == NULL || dirs[i][0] == '\0')
			continue;
		*path = arena_printf(mem, "%s/%s", dirs[i], name);
		fd = open(*path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd;
}

char *
file_read(struct problems *ps, struct arena *mem, const char *const dirs[2],
    const char *name, const char **path, size_t *n)
{
	const char *why = NULL;
	char *text;
	int fd;

	*path = name;
	*n = 0;
	fd = open_first(mem, dirs, name, path);
	if (fd < 0) {
		problem(ps, *path, 0, strerrordesc_np(errno));
		return NULL;
	}
	text = read_text(mem, fd, n, &why);
	(void)close(fd);
	if (text == NULL)
		problem(ps, *path, 0, why);
	return text;
}
