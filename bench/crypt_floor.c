/* SPDX-License-Identifier: ISC */
/*
 * How many passwords a second this machine can hash at all: one process a
 * core, each of which does nothing but crypt().  Prints the number.
 */
#include <crypt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Hashes for so many seconds and a little; how many a second it were. */
static double
hash(unsigned long cost, double seconds)
{
	struct crypt_data *data = calloc(1, sizeof *data);
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	double began = now(), ended = began;
	int n = 0;

	if (data == NULL ||
	    crypt_gensalt_rn("$y$", cost, NULL, 0, setting, sizeof setting) ==
		NULL)
		exit(1);
	for (; ended - began < seconds; n++) {
		if (crypt_r("a long enough secret", setting, data) == NULL)
			exit(1);
		ended = now();
	}
	free(data);
	return n / (ended - began);
}

int
main(int argc, char **argv)
{
	double sum = 0, one;
	int fds[2], cores;
	unsigned long cost;

	if (argc != 4 || pipe(fds) != 0) {
		(void)fputs("usage: crypt_floor cost seconds cores\n", stderr);
		return 2;
	}
	cost = strtoul(argv[1], NULL, 10);
	cores = atoi(argv[3]);
	for (int i = 0; i < cores; i++) {
		if (fork() != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		one = hash(cost, strtod(argv[2], NULL));
		_exit(write(fds[1], &one, sizeof one) != sizeof one);
	}
	(void)close(fds[1]);
	for (int i = 0; i < cores; i++) {
		if (read(fds[0], &one, sizeof one) != sizeof one)
			return 1;
		sum += one;
	}
	return printf("%f\n", sum) < 0;
}
