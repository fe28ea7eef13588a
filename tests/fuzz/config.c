/* SPDX-License-Identifier: ISC */
/*
 * Configurations: a file is refused with a word about it, or read; and what
 * `posternd -T` prints of it is the same configuration again, be it as a file
 * or as variables of the environment.
 */
#include "platform/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

#define OPTIONS_MAX 200

static char *nothing[] = { NULL };

static void
note(void *arg, bool fatal, const char *file, int line, const char *what)
{
	bool *failed = arg;

	must(*file != '\0' && line >= 0 && *what != '\0');
	*failed = *failed || fatal;
}

/* The configuration in n bytes; NULL if it is refused. */
static struct config *
load(struct arena *mem, const void *text, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const char *path = arena_printf(mem, "/proc/self/fd/%d", fd);
	bool failed = false;
	struct config *c;

	must(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	c = config_load(path, note, &failed);
	(void)close(fd);
	must((c == NULL) == failed);
	return c;
}

static char *
dump(struct arena *mem, const struct config *c)
{
	char *out = NULL, *copy;
	size_t len;
	FILE *f;

	must((f = open_memstream(&out, &len)) != NULL);
	config_dump(c, f);
	must(fclose(f) == 0);
	for (size_t i = 0; i < len; i++)
		must(out[i] == '\n' || !iscntrl((unsigned char)out[i]));
	copy = arena_memdup(mem, out, len);
	free(out);
	return copy;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool
same_number(int64_t a, int64_t b)
{
	return a == b;
}

static bool
same_rate(struct rate a, struct rate b)
{
	return a.count == b.count && a.period == b.period;
}

/* clang-format off */
#define MUST_BE_SAME(TYPE, name, standard, least, most, help) \
	must(_Generic(a->name, \
	    const char *: same_text, \
	    struct rate: same_rate, \
	    default: same_number)(a->name, b->name));
/* clang-format on */

static void
compare(const struct config *a, const struct config *b)
{
	must(b != NULL);
	CONFIG_TABLE(MUST_BE_SAME)
}

/* "name = value" as POSTERN_NAME=value. */
static char *
variable_of(struct arena *mem, const char *line, size_t n)
{
	size_t equals = (size_t)((const char *)memchr(line, '=', n) - line);
	char *name = arena_memdup(mem, line, equals - 1);

	for (char *c = name; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return arena_printf(mem, "POSTERN_%s=%.*s", name, (int)(n - equals - 2),
	    line + equals + 2);
}

/* Every line of the dump as a variable, over an empty file. */
static struct config *
load_from_environment(struct arena *mem, const char *text)
{
	char *variables[OPTIONS_MAX + 1];
	struct config *c;
	size_t n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		must(n < OPTIONS_MAX);
		variables[n++] = variable_of(mem, text, len);
		text += len + 1;
	}
	variables[n] = NULL;
	environ = variables;
	c = load(mem, "", 0);
	environ = nothing;
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	struct config *c, *again;
	const char *text;

	environ = nothing;
	if ((c = load(mem, data, size)) == NULL)
		return 0;
	text = dump(mem, c);
	again = load(mem, text, strlen(text));
	compare(c, again);
	config_free(&again);
	again = load_from_environment(mem, text);
	compare(c, again);
	config_free(&again);
	config_free(&c);
	return 0;
}
