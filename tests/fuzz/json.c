/* SPDX-License-Identifier: ISC */
/*
 * The JSON validator: what it lets through json-c reads without loss, and
 * what json-c writes of it is strict again.
 */
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "http/body.h"
#include "platform/json.h"
#include "tests/fuzz/fuzz.h"

/* The members of all objects: colons outside strings.  Inside, no byte is a
 * control byte. */
static size_t
count_members(const char *text, size_t n)
{
	bool in_string = false;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		must(!in_string || (unsigned char)text[i] >= ' ');
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && text[i] == ':')
			count++;
	}
	return count;
}

/* What json-c makes of a text that was found strict. */
static char *
rewrite(struct arena *mem, const char *text, size_t n, size_t *len)
{
	struct json *j = json_parse(text, n, BODY_DEPTH + 1);
	char *out;

	must(j != NULL);
	out = json_text(j, mem, len);
	json_free(&j);
	return out;
}

/* json-c loses a member that is given twice: the validator let none pass. */
static void
comes_back(struct arena *mem, const char *text, size_t n)
{
	size_t len, len_again;
	char *out = rewrite(mem, text, n, &len);
	char *again = rewrite(mem, out, len, &len_again);

	must(json_check(out, len) == OK);
	must(count_members(out, len) == count_members(text, n));
	must(len == len_again && memcmp(out, again, len) == 0);
}

/* An object without its last brace is none. */
static void
must_be_whole(const char *text, size_t n)
{
	while (text[n - 1] != '}')
		n--;
	must(json_check(text, n - 1) == ERR_JSON);
}

/* A request's body is an object, or the validator's error. */
static void
body_agrees(const char *text, size_t n, enum err checked)
{
	struct json *root = NULL;
	enum err e = body_parse("application/json", text, n, &root);
	size_t blanks = 0;

	if (checked != OK) {
		must(e == checked);
		return;
	}
	while (strchr(" \t\r\n", text[blanks]) != NULL)
		blanks++;
	must(e == (text[blanks] == '{' ? OK : ERR_NOT_OBJECT));
	if (e == OK)
		must_be_whole(text, n);
	json_free(&root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	enum err e = json_check(text, size);

	body_agrees(text, size, e);
	if (e == OK)
		comes_back(fuzz_arena(), text, size);
	return 0;
}
