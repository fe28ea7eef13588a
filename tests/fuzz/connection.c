/* SPDX-License-Identifier: ISC */
/*
 * One worker serves all inputs, each over a connection of its own, as in
 * life.  The web server has closed its end when the worker looks, so an
 * incomplete request is dropped at once and nothing ever waits.
 */
#include "tests/fuzz/connection.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/fcgi.h"

static int listener = -1, peer = -1;
static struct fcgi *worker;

static void
open_worker(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	/* A bare family binds a free name in the abstract space (unix(7)). */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(listener >= 0);
	must(bind(listener, (struct sockaddr *)&any, sizeof any.sun_family) ==
	    0);
	must(listen(listener, 1) == 0);
	worker = fcgi_open(listener);
}

static void
send_all(const void *bytes, size_t n)
{
	struct sockaddr_un name;
	socklen_t len = sizeof name;
	int size = 2 * CONNECTION_MAX;

	must(getsockname(listener, (struct sockaddr *)&name, &len) == 0);
	peer = socket(AF_UNIX, SOCK_STREAM, 0);
	must(peer >= 0);
	must(setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	must(connect(peer, (struct sockaddr *)&name, len) == 0);
	must(send(peer, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n);
	must(shutdown(peer, SHUT_WR) == 0);
}

struct fcgi *
connection_serve(const void *bytes, size_t n)
{
	sigset_t blocked;

	must(n <= CONNECTION_MAX);
	if (worker == NULL)
		open_worker();
	send_all(bytes, n);
	sigfillset(&blocked);
	while (fcgi_wait(worker, &blocked, 0))
		if (fcgi_take(worker))
			return worker;
	(void)close(peer);
	return NULL;
}

void
connection_end(struct fcgi *f)
{
	fcgi_finish(f);
	(void)close(peer);
}
