/* SPDX-License-Identifier: ISC */
/*
 * The children.  Each has its watchdog in a page it shares with us and with
 * nobody else, so that none can answer for another.
 */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "janitor.h"
#include "mailer.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/log.h"
#include "worker.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 10000
#define SHORT_LIFE_MS 1000 /* a child that lived less gets a pause */
#define SPARE_MS 5000      /* over request_timeout: to start, to leave */

/* One place for a child; pid 0 is a free one. */
struct child {
	pid_t pid;
	enum process_kind kind;
	int generation;
	int64_t started_at, terminated_at; /* first SIGTERM, 0 for none */
	bool killed;
};

/* What should run of one kind. */
struct kind_state {
	int wanted;
	int listen_fd;                /* -1 for none */
	int64_t pause_ms, not_before; /* back-off */
};

static struct crew {
	int generation;
	bool leaving;
	struct kind_state kind[CREW_KINDS];
	struct child child[CREW_MAX];
	char *pages; /* shared; one a place in child, with its watchdog */
	size_t page;
} crew;

static struct watchdog *
watchdog_of(size_t place)
{
	return (void *)(crew.pages + place * crew.page);
}

void
crew_open(void)
{
	crew.page = (size_t)sysconf(_SC_PAGESIZE);
	crew.pages = mmap(NULL, crew.page * CREW_MAX, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(crew.pages != MAP_FAILED);
	for (int k = 0; k < CREW_KINDS; k++)
		crew.kind[k].listen_fd = -1;
}

void
crew_set_socket(enum process_kind kind, int fd)
{
	crew.kind[kind].listen_fd = fd;
}

void
crew_resize(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t hashing = conf->password_workers;

	if (hashing == 0)
		hashing = cores > 0 ? cores : 1;
	crew.kind[PROCESS_WEB].wanted = (int)conf->web_workers;
	crew.kind[PROCESS_PASSWORD].wanted = (int)hashing;
	crew.kind[PROCESS_MAILER].wanted = 1;
	crew.kind[PROCESS_JANITOR].wanted = 1;
}

/* Starting ---------------------------------------------------------------- */

/* In a child: every page but its own goes, and that it keeps for itself. */
static struct watchdog *
keep_own_page(size_t place)
{
	size_t before = place * crew.page;
	size_t after = (CREW_MAX - place - 1) * crew.page;

	if (before > 0)
		must(munmap(crew.pages, before) == 0);
	if (after > 0)
		must(munmap(crew.pages + before + crew.page, after) == 0);
	/* A child's own child has no say in it: the mailer's reads foreign
	 * bytes. */
	must(madvise(crew.pages + before, crew.page, MADV_DONTFORK) == 0);
	return watchdog_of(place);
}

_Noreturn static void
become_child(enum process_kind kind, size_t place)
{
	int fd = crew.kind[kind].listen_fd;

	process_set_watchdog(keep_own_page(place));
	switch (kind) {
	case PROCESS_WEB:
		worker_run(POOL_WEB, fd);
	case PROCESS_PASSWORD:
		worker_run(POOL_PASSWORD, fd);
	case PROCESS_MAILER:
		mailer_run();
	case PROCESS_JANITOR:
		janitor_run();
	}
	must(!"a kind of process");
	abort();
}

static struct child *
free_place(void)
{
	for (int i = 0; i < CREW_MAX; i++)
		if (crew.child[i].pid == 0)
			return &crew.child[i];
	return NULL;
}

/* What starting may take, or leaving, when nothing is wrong. */
static int64_t
most_ms(void)
{
	return conf->request_timeout * 1000 + SPARE_MS;
}

static void
spawn(enum process_kind kind)
{
	struct child *c = free_place();
	int64_t now = clock_steady_ms();
	pid_t pid;

	if (c == NULL)
		return;
	atomic_store(&watchdog_of((size_t)(c - crew.child))->due,
	    now + most_ms());
	pid = fork();
	if (pid == 0)
		become_child(kind, (size_t)(c - crew.child));
	if (pid < 0) {
		log_event(ERROR, "child.fork", "what=%s", strerror(errno));
		return;
	}
	*c = (struct child){
		.pid = pid,
		.kind = kind,
		.generation = crew.generation,
		.started_at = now,
	};
}

static bool
serves(enum process_kind kind)
{
	return kind == PROCESS_WEB || kind == PROCESS_PASSWORD;
}

/* Whether that kind is to run: of those who leave, who serves goes last. */
static bool
stays(enum process_kind kind)
{
	if (!crew.leaving)
		return true;
	for (int i = 0; i < CREW_MAX && serves(kind); i++)
		if (crew.child[i].pid != 0 && !serves(crew.child[i].kind))
			return true;
	return false;
}

void
crew_leave(void)
{
	crew.leaving = true;
}

void
crew_fill(void)
{
	int have[CREW_KINDS] = { 0 };
	int64_t now = clock_steady_ms();

	for (int i = 0; i < CREW_MAX; i++)
		if (crew.child[i].pid != 0 &&
		    crew.child[i].terminated_at == 0 &&
		    crew.child[i].generation == crew.generation)
			have[crew.child[i].kind]++;
	for (int k = 0; k < CREW_KINDS; k++)
		for (int n = have[k]; n < crew.kind[k].wanted; n++)
			if (stays((enum process_kind)k) &&
			    now >= crew.kind[k].not_before)
				spawn((enum process_kind)k);
}

void
crew_renew(void)
{
	crew.generation++;
	for (int k = 0; k < CREW_KINDS; k++)
		crew.kind[k].pause_ms = crew.kind[k].not_before = 0;
}

void
crew_adopt(const struct crew_member *left, int n)
{
	must(n <= CREW_MAX);
	for (int i = 0; i < n; i++)
		crew.child[i] = (struct child){
			.pid = left[i].pid,
			.kind = left[i].kind,
			.generation = -1,
			.started_at = clock_steady_ms(),
		};
}

/* Ending ------------------------------------------------------------------ */

/* A child that dies young makes the next one wait, longer each time. */
static void
pause_kind(const struct child *c, bool clean)
{
	struct kind_state *kind = &crew.kind[c->kind];
	int64_t now = clock_steady_ms();

	if (clean || now - c->started_at >= SHORT_LIFE_MS) {
		kind->pause_ms = 0;
		return;
	}
	kind->pause_ms =
	    kind->pause_ms == 0 ? BACKOFF_FIRST_MS : kind->pause_ms * 2;
	if (kind->pause_ms > BACKOFF_MOST_MS)
		kind->pause_ms = BACKOFF_MOST_MS;
	kind->not_before = now + kind->pause_ms;
}

static void
reap(struct child *c, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (WIFSIGNALED(status))
		log_event(ERROR, "child.died", "kind=%s pid=%ld signal=%d",
		    process_name(c->kind), (long)c->pid, WTERMSIG(status));
	else if (!clean)
		log_event(ERROR, "child.failed", "kind=%s pid=%ld status=%d",
		    process_name(c->kind), (long)c->pid, WEXITSTATUS(status));
	if (c->generation == crew.generation)
		pause_kind(c, clean);
	*c = (struct child){ .pid = 0 };
}

static void
kill_child(struct child *c, const char *why)
{
	if (c->killed)
		return;
	log_event(ERROR, "child.killed", "kind=%s pid=%ld why=%s",
	    process_name(c->kind), (long)c->pid, why);
	(void)kill(c->pid, SIGKILL);
	c->killed = true;
}

/*
 * A stopped child is as good as hung: the kernel may have woken it, and no
 * other, for a connection.
 */
void
crew_reap(pid_t pid, int status)
{
	for (int i = 0; i < CREW_MAX; i++) {
		struct child *c = &crew.child[i];

		if (c->pid != pid)
			continue;
		if (WIFSTOPPED(status))
			kill_child(c, "stopped");
		else
			reap(c, status);
	}
}

/*
 * Has a child leave; SIGTERM is sent again and again: a signal that comes
 * between the look at the flag and the wait can be lost.
 */
static void
terminate(struct child *c, int64_t now)
{
	int64_t most = most_ms();

	if (c->kind == PROCESS_MAILER)
		most += conf->smtp_timeout * 1000;
	if (c->terminated_at == 0)
		c->terminated_at = now;
	if (now - c->terminated_at > most)
		kill_child(c, "did not leave in time");
	else
		(void)kill(c->pid, SIGTERM);
}

void
crew_watch(void)
{
	int64_t now = clock_steady_ms(), due;

	for (int i = 0; i < CREW_MAX; i++) {
		struct child *c = &crew.child[i];

		if (c->pid == 0)
			continue;
		due = atomic_load(&watchdog_of((size_t)i)->due);
		if (due != 0 && now > due)
			kill_child(c,
			    serves(c->kind) ? "over request_timeout" : "hung");
		if (c->generation != crew.generation || !stays(c->kind))
			terminate(c, now);
	}
}

int
crew_list(struct crew_member *list, int n)
{
	int found = 0;

	for (int i = 0; i < CREW_MAX; i++) {
		if (crew.child[i].pid == 0)
			continue;
		if (list != NULL && found < n)
			list[found] = (struct crew_member){
				crew.child[i].pid,
				crew.child[i].kind,
			};
		found++;
	}
	return found;
}
