/* SPDX-License-Identifier: ISC */
/*
 * Values in and out of statements: parameters travel as the caller's bytes,
 * answers as text.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/db.h"

struct db_param
db_text(const char *s)
{
	return (struct db_param){ .data = s };
}

struct db_param
db_bytes(const void *p, size_t n)
{
	return (struct db_param){ .data = p, .len = (int)n, .format = 1 };
}

struct db_param
db_uuid(const struct uuid *id)
{
	if (id == NULL)
		return (struct db_param){ .data = NULL };
	return db_bytes(id->b, sizeof id->b);
}

struct db_param
db_int(struct arena *mem, int64_t n)
{
	return db_text(arena_printf(mem, "%" PRId64, n));
}

static const char *
cell(const struct db_rows *r, int row, int col)
{
	must(row >= 0 && row < r->nrows && col >= 0 && col < r->ncols);
	return r->cells[row * r->ncols + col];
}

static const char *
value(const struct db_rows *r, int row, int col)
{
	const char *v = cell(r, row, col);

	must(v != NULL);
	return v;
}

bool
db_is_null(const struct db_rows *r, int row, int col)
{
	return cell(r, row, col) == NULL;
}

const char *
db_get_text(const struct db_rows *r, int row, int col)
{
	return cell(r, row, col);
}

int64_t
db_get_int(const struct db_rows *r, int row, int col)
{
	const char *v = value(r, row, col);
	char *end;
	int64_t n = strtoll(v, &end, 10);

	must(end != v && *end == '\0');
	return n;
}

bool
db_get_bool(const struct db_rows *r, int row, int col)
{
	const char *v = value(r, row, col);

	must(strcmp(v, "t") == 0 || strcmp(v, "f") == 0);
	return *v == 't';
}

struct uuid
db_get_uuid(const struct db_rows *r, int row, int col)
{
	struct uuid id;

	must(uuid_parse(&id, value(r, row, col)));
	return id;
}

void
db_get_bytes(const struct db_rows *r, int row, int col, void *out, size_t n)
{
	const char *v = value(r, row, col);

	must(v[0] == '\\' && v[1] == 'x');
	must(hex_decode(out, n, v + 2, strlen(v + 2)) == (int)n);
}
