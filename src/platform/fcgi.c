/* SPDX-License-Identifier: ISC */
#include "platform/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/clock.h"
#include "platform/fcgi_record.h"
#include "platform/log.h"

/*
 * Two epoll sets.  `outer` is what a worker sleeps in: the listener, which
 * wakes one of the workers that share it (EPOLLEXCLUSIVE), and `inner`, which
 * holds the connections that were accepted before their request was there
 * (edge-triggered: bytes already looked at must not wake us again).
 *
 * A request that is whole when its connection is taken is served at once and
 * sees neither the table nor `inner`.  One connection is accepted a round,
 * after the pending ones had their turn: what waits in the backlog is anyone's
 * to take, what waits here is ours alone.
 */
#define PENDING_MAX 1024
#define PAUSE_MS 100 /* when there are no descriptors and none to close */

struct pending {
	TAILQ_ENTRY(pending) link;
	int fd;
	int64_t since;
};
TAILQ_HEAD(pending_list, pending);

struct fcgi {
	int listener; /* -1 once draining */
	int outer, inner;
	bool knocked; /* fcgi_wait() was woken for the listener */
	size_t npending;
	struct pending_list pending; /* the oldest first */
	struct pending_list spare;   /* slots that were used before */
	size_t nslots;               /* slots that were ever used */
	struct pending slot[PENDING_MAX];
	FCGX_Request req; /* req.in is NULL between requests */
	bool whole;       /* all of it was there; or it is too large */
	char peek[FCGI_PEEK_MAX];
};

/*
 * libfcgi sets handlers of its own for these where it finds none; they set a
 * flag that nothing here asks for.  Ours stay, and a closed peer is an error
 * of write(), not the end of the worker.
 */
static void
init_library(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, term, usr1;

	must(sigaction(SIGTERM, NULL, &term) == 0);
	must(sigaction(SIGUSR1, NULL, &usr1) == 0);
	must(FCGX_Init() == 0);
	must(sigaction(SIGTERM, &term, NULL) == 0);
	must(sigaction(SIGUSR1, &usr1, NULL) == 0);
	must(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static void
watch(int set, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = { .events = events, .data.ptr = ptr };

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) < 0)
		log_fatal("cannot watch a socket: %s", strerror(errno));
}

/*
 * A mapping of its own: most of the table and of the bytes to look at is
 * never touched, and calloc() under M_PERTURB (process.c) would touch all.
 */
struct fcgi *
fcgi_open(int fd)
{
	struct fcgi *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(f != MAP_FAILED);
	must(fcntl(fd, F_GETFL) & O_NONBLOCK);
	init_library();
	/* Without a listener of its own libfcgi cannot accept behind us. */
	must(FCGX_InitRequest(&f->req, -1, FCGI_FAIL_ACCEPT_ON_INTR) == 0);
	TAILQ_INIT(&f->pending);
	TAILQ_INIT(&f->spare);
	f->listener = fd;
	f->outer = epoll_create1(EPOLL_CLOEXEC);
	f->inner = epoll_create1(EPOLL_CLOEXEC);
	if (f->outer < 0 || f->inner < 0)
		log_fatal("cannot make an epoll set: %s", strerror(errno));
	watch(f->outer, fd, EPOLLIN | EPOLLEXCLUSIVE, &f->listener);
	watch(f->outer, f->inner, EPOLLIN, &f->inner);
	return f;
}

/* Takes p off the table and returns its descriptor. */
static int
pending_take(struct fcgi *f, struct pending *p)
{
	int fd = p->fd;

	(void)epoll_ctl(f->inner, EPOLL_CTL_DEL, fd, NULL);
	TAILQ_REMOVE(&f->pending, p, link);
	TAILQ_INSERT_HEAD(&f->spare, p, link);
	f->npending--;
	return fd;
}

static void
drop(int fd, enum log_level level, const char *reason)
{
	close(fd);
	log_event(level, "fcgi.dropped", "reason=%s", reason);
}

static void
drop_oldest(struct fcgi *f, const char *reason)
{
	drop(pending_take(f, TAILQ_FIRST(&f->pending)), WARN, reason);
}

static void
pending_add(struct fcgi *f, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct pending *p;

	if (f->npending == PENDING_MAX)
		drop_oldest(f, "table_full");
	p = TAILQ_FIRST(&f->spare);
	if (p != NULL)
		TAILQ_REMOVE(&f->spare, p, link);
	else
		p = &f->slot[f->nslots++];
	p->fd = fd;
	p->since = clock_steady_ms();
	TAILQ_INSERT_TAIL(&f->pending, p, link);
	f->npending++;
	ev.data.ptr = p;
	if (epoll_ctl(f->inner, EPOLL_CTL_ADD, fd, &ev) < 0)
		drop(pending_take(f, p), ERROR, "epoll");
}

void
fcgi_close(struct fcgi **fp)
{
	struct fcgi *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	if (f->req.in != NULL)
		fcgi_finish(f);
	while (!TAILQ_EMPTY(&f->pending))
		close(pending_take(f, TAILQ_FIRST(&f->pending)));
	close(f->inner);
	close(f->outer);
	must(munmap(f, sizeof *f) == 0);
}

void
fcgi_drain(struct fcgi *f)
{
	if (f->listener >= 0)
		(void)epoll_ctl(f->outer, EPOLL_CTL_DEL, f->listener, NULL);
	f->listener = -1;
}

/* What poll() says of the peer: POLLRDHUP, POLLHUP, POLLERR. */
static int
peer_state(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/*
 * Looks at what fd holds, and forgets it: there are passwords in it.  A peer
 * that has closed its end sends no more (asked first, so that nothing comes
 * between); one that has closed both waits for no answer.
 */
static enum fcgi_look
look(struct fcgi *f, int fd)
{
	int peer = peer_state(fd);
	ssize_t n = recv(fd, f->peek, sizeof f->peek, MSG_PEEK | MSG_DONTWAIT);
	enum fcgi_look found;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return FCGI_MORE;
	if (n <= 0)
		return FCGI_BROKEN;
	found = fcgi_look(f->peek, (size_t)n);
	explicit_bzero(f->peek, (size_t)n);
	if (peer & (POLLHUP | POLLERR))
		return FCGI_BROKEN;
	return found == FCGI_MORE && peer != 0 ? FCGI_BROKEN : found;
}

/*
 * Gives fd to libfcgi as a connection it believes it has kept from a request
 * before: then FCGX_Accept_r() reads from it instead of accepting.  What it
 * reads is there already.
 */
static bool
hand_over(struct fcgi *f, int fd, bool whole)
{
	struct timeval limit = { .tv_sec = FCGI_PATIENCE };

	if (!whole)
		must(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
		    sizeof limit));
	must(!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	f->req.ipcFd = fd;
	f->req.keepConnection = 1;
	if (FCGX_Accept_r(&f->req) != 0) {
		/* It has closed fd. */
		log_event(ERROR, "fcgi.dropped", "reason=libfcgi");
		return false;
	}
	f->whole = whole;
	return true;
}

/* Ends the waiting of fd as found; true when there is a request to serve. */
static bool
settle(struct fcgi *f, int fd, enum fcgi_look found)
{
	if (found != FCGI_BROKEN)
		return hand_over(f, fd, found == FCGI_WHOLE);
	if (peer_state(fd) != 0)
		drop(fd, DEBUG, "peer_gone");
	else
		drop(fd, WARN, "protocol");
	return false;
}

static void
accept_failed(struct fcgi *f, int error)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	/* Another worker was faster, or the peer left already. */
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	log_event(ERROR, "fcgi.accept_failed", "error=%s",
	    strerrorname_np(error));
	if (!TAILQ_EMPTY(&f->pending))
		drop_oldest(f, "no_descriptors");
	else
		nanosleep(&pause, NULL);
}

/* Accepts one connection; true when its request is to be served. */
static bool
take(struct fcgi *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	enum fcgi_look found;

	if (fd < 0) {
		accept_failed(f, errno);
		return false;
	}
	found = look(f, fd);
	if (found != FCGI_MORE)
		return settle(f, fd, found);
	pending_add(f, fd);
	return false;
}

static int64_t
patience_ends(const struct pending *p)
{
	return p->since + FCGI_PATIENCE * 1000L;
}

static bool
is_overdue(const struct pending *p)
{
	return patience_ends(p) <= clock_steady_ms();
}

/*
 * Looks at one pending connection that has news; true when its request is to
 * be served.  Only when none has any are the overdue ones closed: what came
 * while a request was served is not late.
 */
static bool
advance(struct fcgi *f)
{
	struct epoll_event ev;
	struct pending *p;
	enum fcgi_look found;

	if (TAILQ_EMPTY(&f->pending))
		return false;
	if (epoll_wait(f->inner, &ev, 1, 0) == 1) {
		p = ev.data.ptr;
		found = look(f, p->fd);
		return found != FCGI_MORE &&
		    settle(f, pending_take(f, p), found);
	}
	while (
	    !TAILQ_EMPTY(&f->pending) && is_overdue(TAILQ_FIRST(&f->pending)))
		drop_oldest(f, "patience");
	return false;
}

/* Milliseconds until the oldest pending one's end, at most idle_ms; -1 is for
 * ever. */
static int
sleep_ms(const struct fcgi *f, int idle_ms)
{
	const struct pending *p = TAILQ_FIRST(&f->pending);
	int64_t left;

	if (p == NULL)
		return idle_ms;
	left = patience_ends(p) - clock_steady_ms();
	if (idle_ms >= 0 && idle_ms < left)
		return idle_ms;
	return left < 0 ? 0 : (int)left;
}

/* epoll_pwait() lets no signal in while it has events, so a busy worker would
 * never hear one. */
static bool
hear_signal(const sigset_t *unblocked)
{
	const struct timespec now = { 0 };

	return ppoll(NULL, 0, &now, unblocked) < 0;
}

/* Whether advance() has something to do. */
static bool
has_news(const struct fcgi *f)
{
	const struct pending *oldest = TAILQ_FIRST(&f->pending);
	struct pollfd p = { .fd = f->inner, .events = POLLIN };

	return oldest != NULL && (is_overdue(oldest) || poll(&p, 1, 0) > 0);
}

bool
fcgi_wait(struct fcgi *f, const sigset_t *unblocked, int idle_ms)
{
	struct epoll_event ev;
	int n;

	must(f->req.in == NULL);
	f->knocked = false;
	if (hear_signal(unblocked) ||
	    (f->listener < 0 && TAILQ_EMPTY(&f->pending)))
		return false;
	if (has_news(f))
		return true;
	n = epoll_pwait(f->outer, &ev, 1, sleep_ms(f, idle_ms), unblocked);
	f->knocked = n == 1 && ev.data.ptr == &f->listener;
	return n == 1 || (n == 0 && has_news(f));
}

/* Whoever was woken for the listener accepts: nobody else was. */
bool
fcgi_take(struct fcgi *f)
{
	return f->knocked ? take(f) : advance(f);
}

const char *
fcgi_param(const struct fcgi *f, const char *name)
{
	return FCGX_GetParam(name, f->req.envp);
}

enum err
fcgi_body(struct fcgi *f, char *out, size_t cap, size_t *n)
{
	size_t got = 0;
	int c;

	if (!f->whole) {
		*n = SIZE_MAX;
		return OK;
	}
	while ((c = FCGX_GetChar(f->req.in)) != EOF) {
		if (got < cap)
			out[got] = (char)c;
		got++;
	}
	if (FCGX_GetError(f->req.in) != 0)
		return ERR_BODY_CUT;
	*n = got;
	return OK;
}

bool
fcgi_write(struct fcgi *f, const void *p, size_t n)
{
	must(n <= INT_MAX);
	return FCGX_PutStr(p, (int)n, f->req.out) == (int)n;
}

/*
 * Not FCGX_Finish_r(): that waits two seconds for a peer that does not close
 * its end, and for ever for one that goes on sending.
 */
void
fcgi_finish(struct fcgi *f)
{
	must(f->req.in != NULL);
	(void)FCGX_FClose(f->req.err);
	(void)FCGX_FClose(f->req.out);
	FCGX_Free(&f->req, 0);
	close(f->req.ipcFd);
	f->req.ipcFd = -1;
}
