/* SPDX-License-Identifier: ISC */
/*
 * A bare FastCGI responder: what nginx and libfcgi cost before anything is
 * done for it.  As many workers as it is told, each of them in the loop of
 * libfcgi's own manual; the answer is the one of GET /auth/check.
 */
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 1024

static const char answer[] =
    "Status: 204 No Content\r\n"
    "X-Auth-User: 019a0000-0000-7000-8000-000000000001\r\n"
    "Cache-Control: no-store\r\n\r\n";

_Noreturn static void
serve(int fd)
{
	FCGX_Request request;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, fd, 0) != 0)
		exit(1);
	while (FCGX_Accept_r(&request) == 0) {
		(void)FCGX_PutS(answer, request.out);
		FCGX_Finish_r(&request);
	}
	exit(1);
}

int
main(int argc, char **argv)
{
	int fd, workers;

	if (argc != 3) {
		(void)fputs("usage: responder socket workers\n", stderr);
		return 2;
	}
	workers = atoi(argv[2]);
	(void)umask(0077);
	fd = FCGX_OpenSocket(argv[1], BACKLOG);
	if (fd < 0)
		return 1;
	for (int i = 0; i < workers; i++)
		if (fork() == 0)
			serve(fd);
	/* SIGTERM ends this process, and the kernel its workers then. */
	(void)wait(NULL);
	return 1;
}
