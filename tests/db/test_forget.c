/* SPDX-License-Identifier: ISC */
/*
 * db_forget(): a process that gets our memory and has no business with the
 * database finds no password there, wherever libpq and the allocator keep it.
 */
#include "test_db.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/crypto.h"
#include "platform/sandbox.h"

bool
write_hba(const char *data)
{
	char path[120];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/pg_hba.conf", data);
	return (f = fopen(path, "we")) != NULL &&
	    fputs("local all " SCRAM " scram-sha-256\nlocal all all trust\n",
		f) >= 0 &&
	    fclose(f) == 0;
}

static const struct db_query nothing = {
	.name = "test_nothing",
	.text = "SELECT 1",
};

#define PIECE ((size_t)16) /* of a password, left over by half a wipe */
#define VIEW ((size_t)1 << 20)

/* AddressSanitizer keeps what is freed, as it was unless it is told to. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "max_free_fill_size=65536:free_fill_byte=165";
}

/* The role's password, known to the server by its seed alone. */
static void
make_password(char hex[2 * SHA256_SIZE + 1], const char *seed)
{
	unsigned char digest[SHA256_SIZE];

	sql_exec("DROP ROLE IF EXISTS " SCRAM ";"
		 " DO $$ BEGIN EXECUTE format('CREATE ROLE " SCRAM
		 " LOGIN PASSWORD %%L', encode(sha256('%s'), 'hex'));"
		 " END $$",
	    seed);
	crypto_sha256(digest, seed, strlen(seed));
	hex_encode(hex, digest, sizeof digest);
}

/* Whether a piece of the password, masked so that it is not found itself,
 * begins there. */
static bool
is_piece(const unsigned char *at, const char *masked)
{
	for (size_t from = 0; from < (size_t)2 * SHA256_SIZE; from += PIECE) {
		size_t n = 0;

		while (n < PIECE && (at[n] ^ 0x55) == masked[from + n])
			n++;
		if (n == PIECE)
			return true;
	}
	return false;
}

static int
count_pieces(int mem, unsigned char *view, off_t from, off_t to,
    const char *masked)
{
	int found = 0;

	for (; from < to; from += (off_t)(VIEW - PIECE)) {
		ssize_t n = pread(mem, view, VIEW, from);

		if (n > to - from)
			n = (ssize_t)(to - from);
		for (ssize_t i = 0; i + (ssize_t)PIECE <= n; i++)
			found += is_piece(view + i, masked);
	}
	return found;
}

/* In all writable memory of this process that is its own. */
static int
search_memory(const char *masked)
{
	unsigned char *view = mmap(NULL, VIEW, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY), found = 0;
	unsigned long from, to;
	char line[512], mode[8];

	ck_assert(view != MAP_FAILED && maps != NULL && mem >= 0);
	while (fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 &&
		    strcmp(mode, "rw-p") == 0 && to - from < 1UL << 30)
			found += count_pieces(mem, view, (off_t)from, (off_t)to,
			    masked);
	fclose(maps);
	close(mem);
	munmap(view, VIEW);
	return found;
}

START_TEST(forgetting_leaves_no_piece_of_the_password)
{
	char hex[2 * SHA256_SIZE + 1], masked[2 * SHA256_SIZE];
	struct db *db;
	int status;
	pid_t pid;

	(void)mallopt(M_PERTURB, 0xa5); /* as process_start() does */
	make_password(hex, address_random().canonical);
	for (size_t i = 0; i < sizeof masked; i++)
		masked[i] = (char)(hex[i] ^ 0x55);
	db = db_open(&(struct db_options){
	    .conninfo = cluster_conninfo(),
	    .user = SCRAM,
	    .password = hex,
	    .prepare = true,
	    .budget_ms = 2000,
	});
	explicit_bzero(hex, sizeof hex);
	db_request(db);
	ck_assert_int_eq(db_run(db, test_mem(), &nothing, NULL, NULL), OK);
	ck_assert_int_gt(search_memory(masked), 0);
	if ((pid = fork()) == 0) {
		sandbox_close_files(-1);
		db_forget(db);
		_exit(search_memory(masked));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Nothing was said on the connection. */
	ck_assert_int_eq(db_run(db, test_mem(), &nothing, NULL, NULL), OK);
	db_close(&db);
	sql_exec("DROP ROLE " SCRAM);
}
END_TEST

Suite *
forget_suite(void)
{
	const struct test_case cases[] = {
		CASE(forgetting_leaves_no_piece_of_the_password, 0),
	};

	return test_suite("forget", cases, ROWS(cases));
}
