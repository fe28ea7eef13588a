/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/config.h"

/*
 * Secrets stand in files of their own, so that the configuration can be shown
 * to anybody.  A file that others can open is refused: a secret that may have
 * been read is none.
 */
#define SECRET_MAX 4096

/* Reads at most size bytes; -1 with *why set. */
static ssize_t
read_secret(int fd, char *out, size_t size, const char **why)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		*why = "is not a regular file";
	else if ((st.st_mode & 077) != 0)
		*why = "is open to group or others: chmod 0600 it";
	else if ((n = read(fd, out, size)) < 0)
		*why = "cannot be read";
	else if (n > SECRET_MAX)
		*why = "is over 4096 bytes: this is no secret";
	else
		return n;
	return -1;
}

char *
config_read_secret(const char *path, const char **why)
{
	char *out = calloc(1, SECRET_MAX + 2);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = -1;

	must(out != NULL);
	*why = "cannot be opened: it must exist and belong to this user";
	if (fd >= 0) {
		n = read_secret(fd, out, SECRET_MAX + 1, why);
		(void)close(fd);
	}
	if (n > 0 && out[n - 1] == '\n')
		out[--n] = '\0';
	if (n > 0 && out[n - 1] == '\r')
		out[--n] = '\0';
	if (n == 0)
		*why = "is empty";
	if (n > 0 && strlen(out) == (size_t)n)
		return out;
	if (n > 0)
		*why = "holds a NUL byte: this is no text";
	explicit_bzero(out, SECRET_MAX + 2);
	free(out);
	return NULL;
}
