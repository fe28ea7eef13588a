/* SPDX-License-Identifier: ISC */
/*
 * Accept-Language: whatever a header says, one of our languages comes out, a
 * wish of the highest weight in front of it wins, and none is read into it.
 */
#include "render/language.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

static char *
upper(struct arena *mem, const char *s)
{
	char *copy = arena_strdup(mem, s);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

/* A header that names a language nowhere does not lead to it. */
static void
is_named(struct arena *mem, const char *header, enum language l)
{
	must(l < LANGUAGES);
	must(l == LANGUAGE_EN ||
	    strstr(upper(mem, header), upper(mem, language_tag(l))) != NULL);
}

/* A tag is the language's, and what may follow after a hyphen. */
static void
judge_tag(const char *tag)
{
	enum language l = LANGUAGES;
	size_t n;

	if (!language_parse(&l, tag)) {
		must(l == LANGUAGES);
		return;
	}
	n = strlen(language_tag(l));
	for (size_t i = 0; i < n; i++)
		must(tolower((unsigned char)tag[i]) == language_tag(l)[i]);
	must(tag[n] == '\0' || tag[n] == '-');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *header = arena_memdup(mem, data, size);
	enum language l = language_choose(header, NULL);

	is_named(mem, header, l);
	must(language_choose(upper(mem, header), NULL) == l);
	must(language_choose(arena_printf(mem, "%s,xx", header), NULL) == l);
	for (enum language first = 0; first < LANGUAGES; first++) {
		const char *tag = language_tag(first);

		must(language_choose(header, tag) == first);
		must(language_choose(arena_printf(mem, "%s,%s", tag, header),
			 NULL) == first);
	}
	judge_tag(header);
	return 0;
}
