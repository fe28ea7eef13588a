/* SPDX-License-Identifier: ISC */
/* What the fuzz targets share. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "platform/log.h"

/* Far above what any input needs: inputs are some KiB. */
#define ARENA_SIZE ((size_t)64 << 20)

/* Before the first input: the words of a failed must().  Errors only:
 * refused inputs are no news here. */
__attribute__((constructor)) static void
open_log(void)
{
	log_open("fuzz", ERROR);
}

struct arena *
fuzz_arena(void)
{
	static struct arena *mem;

	if (mem == NULL)
		mem = arena_new(ARENA_SIZE);
	arena_reset(mem);
	return mem;
}

char *
fuzz_overwrite(struct arena *mem, const char *text, const uint8_t *data,
    size_t size)
{
	size_t n = strlen(text), at;
	char *copy = arena_strdup(mem, text);

	if (size < 2 || n == 0)
		return copy;
	at = ((size_t)data[0] << 8 | data[1]) % n;
	data += 2;
	size -= 2;
	memcpy(copy + at, data, size < n - at ? size : n - at);
	return copy;
}
