/* SPDX-License-Identifier: ISC */
#include "http/body.h"

#include <string.h>
#include <strings.h>

#include "platform/json.h"

#define BLANKS " \t"

bool
media_type_is(const char *content_type, const char *media_type)
{
	size_t n = strlen(media_type);

	if (content_type == NULL)
		return false;
	content_type += strspn(content_type, BLANKS);
	if (strncasecmp(content_type, media_type, n) != 0)
		return false;
	content_type += n;
	content_type += strspn(content_type, BLANKS);
	return *content_type == '\0' || *content_type == ';';
}

enum err
body_parse(const char *content_type, const char *body, size_t n,
    struct json **root)
{
	struct json *j;
	enum err e;

	if (!media_type_is(content_type, "application/json"))
		return ERR_CONTENT_TYPE;
	if ((e = json_check(body, n)) != OK)
		return e;
	/* The depth was judged; one more is the reader's slack. */
	if ((j = json_parse(body, n, BODY_DEPTH + 1)) == NULL)
		return ERR_JSON;
	if (json_kind(j) != JSON_OBJECT) {
		json_free(&j);
		return ERR_NOT_OBJECT;
	}
	*root = j;
	return OK;
}
