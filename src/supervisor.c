/* SPDX-License-Identifier: ISC */
/*
 * One loop: a signal or half a second, then look at everything.  What should
 * run is compared with what does; every difference is mended the same way,
 * whether it comes from a start, a crash, a reload or the end.
 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
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
#include "platform/listen.h"
#include "platform/log.h"
#include "platform/sandbox.h"
#include "process.h"
#include "replace.h"
#include "worker.h"

#define CHILDREN_MAX 1024
#define TICK_MS 500
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 10000
#define SHORT_LIFE_MS 1000  /* a child that lived less gets a pause */
#define LEAVE_EXTRA_MS 5000 /* over request_timeout, for leaving */

/* One place for a child; pid 0 is a free one. */
struct child {
	pid_t pid;
	enum process_kind kind;
	int generation;
	int64_t started_at, told_at; /* told_at: first SIGTERM, 0 for none */
	bool killed;
};

/* What should run of one kind. */
struct crew {
	int wanted;
	int listen_fd;                /* -1 for none */
	int64_t pause_ms, not_before; /* back-off */
};

static struct supervisor {
	struct config *conf; /* what conf points to, ours to free */
	const char *conf_path;
	int generation;
	bool leaving;
	bool inherited; /* the sockets are somebody else's to remove */
	struct crew crew[PROCESS_JANITOR + 1];
	struct child child[CHILDREN_MAX];
	struct worker_slot *slot; /* shared; one a place in child */
	sigset_t signals;
} sup;

/* Starting ---------------------------------------------------------------- */

static int
open_socket(const char *name)
{
	char path[4096];

	int fd = listen_inherited(name);

	if (fd >= 0) {
		sup.inherited = true;
		return fd;
	}
	(void)snprintf(path, sizeof path, "%s/%s", conf->runtime_dir, name);
	return listen_unix(path, conf->socket_group);
}

static void
open_sockets(void)
{
	listen_make_folder(conf->runtime_dir, conf->socket_group);
	sup.crew[PROCESS_WEB].listen_fd = open_socket("web.sock");
	sup.crew[PROCESS_PASSWORD].listen_fd = open_socket("password.sock");
	sup.crew[PROCESS_MAILER].listen_fd = -1;
	sup.crew[PROCESS_JANITOR].listen_fd = -1;
}

static void
size_crews(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t hashing = conf->password_workers;

	if (hashing == 0)
		hashing = cores > 0 ? cores : 1;
	sup.crew[PROCESS_WEB].wanted = (int)conf->web_workers;
	sup.crew[PROCESS_PASSWORD].wanted = (int)hashing;
	sup.crew[PROCESS_MAILER].wanted = 1;
	sup.crew[PROCESS_JANITOR].wanted = 1;
}

static void
share_slots(void)
{
	sup.slot = mmap(NULL, sizeof *sup.slot * CHILDREN_MAX,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(sup.slot != MAP_FAILED);
}

static void
block_signals(void)
{
	must(sigemptyset(&sup.signals) == 0);
	must(sigaddset(&sup.signals, SIGTERM) == 0);
	must(sigaddset(&sup.signals, SIGINT) == 0);
	must(sigaddset(&sup.signals, SIGHUP) == 0);
	must(sigaddset(&sup.signals, SIGUSR2) == 0);
	must(sigaddset(&sup.signals, SIGCHLD) == 0);
	must(sigprocmask(SIG_BLOCK, &sup.signals, NULL) == 0);
}

static void
write_pid(void)
{
	FILE *f;

	if (*conf->pid_file == '\0')
		return;
	f = fopen(conf->pid_file, "we");
	if (f == NULL || fprintf(f, "%ld\n", (long)getpid()) < 0 ||
	    fclose(f) != 0)
		log_fatal("pid_file: cannot write %s: %s", conf->pid_file,
		    strerror(errno));
}

/* What a predecessor left behind: told to finish like any older generation. */
static void
adopt_children(void)
{
	pid_t left[CHILDREN_MAX];
	int n = replace_take_children(left, CHILDREN_MAX);

	sup.generation = n > 0 ? 1 : 0;
	for (int i = 0; i < n; i++)
		sup.child[i] = (struct child){
			.pid = left[i],
			.kind = PROCESS_WEB,
			.started_at = clock_steady_ms(),
		};
}

/* Children ---------------------------------------------------------------- */

_Noreturn static void
become_child(enum process_kind kind, int place)
{
	int fd = sup.crew[kind].listen_fd;

	switch (kind) {
	case PROCESS_WEB:
		worker_run(POOL_WEB, fd, &sup.slot[place]);
	case PROCESS_PASSWORD:
		worker_run(POOL_PASSWORD, fd, &sup.slot[place]);
	case PROCESS_MAILER:
		mailer_run();
	case PROCESS_JANITOR:
		janitor_run();
	}
	must(!"a kind of process");
	abort();
}

static void
spawn(enum process_kind kind)
{
	struct child *c = NULL;
	pid_t pid;

	for (int i = 0; i < CHILDREN_MAX && c == NULL; i++)
		if (sup.child[i].pid == 0)
			c = &sup.child[i];
	if (c == NULL)
		return;
	atomic_store(&sup.slot[c - sup.child].busy_since, 0);
	pid = fork();
	if (pid == 0)
		become_child(kind, (int)(c - sup.child));
	if (pid < 0) {
		log_event(ERROR, "child.fork", "what=\"%s\"", strerror(errno));
		return;
	}
	*c = (struct child){
		.pid = pid,
		.kind = kind,
		.generation = sup.generation,
		.started_at = clock_steady_ms(),
	};
}

/* Starts what is missing of the present generation. */
static void
fill_crews(void)
{
	int have[PROCESS_JANITOR + 1] = { 0 };
	int64_t now = clock_steady_ms();

	if (sup.leaving)
		return;
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (sup.child[i].pid != 0 && sup.child[i].told_at == 0 &&
		    sup.child[i].generation == sup.generation)
			have[sup.child[i].kind]++;
	for (int k = 0; k <= PROCESS_JANITOR; k++)
		for (int n = have[k]; n < sup.crew[k].wanted; n++)
			if (now >= sup.crew[k].not_before)
				spawn((enum process_kind)k);
}

/* A child that dies young makes the next one wait, longer each time. */
static void
pause_crew(const struct child *c, bool clean)
{
	struct crew *crew = &sup.crew[c->kind];
	int64_t now = clock_steady_ms();

	if (clean || now - c->started_at >= SHORT_LIFE_MS) {
		crew->pause_ms = 0;
		return;
	}
	crew->pause_ms =
	    crew->pause_ms == 0 ? BACKOFF_FIRST_MS : crew->pause_ms * 2;
	if (crew->pause_ms > BACKOFF_MOST_MS)
		crew->pause_ms = BACKOFF_MOST_MS;
	crew->not_before = now + crew->pause_ms;
}

static void
bury(struct child *c, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (WIFSIGNALED(status))
		log_event(ERROR, "child.died", "kind=%s pid=%ld signal=%d",
		    process_name(c->kind), (long)c->pid, WTERMSIG(status));
	else if (!clean)
		log_event(ERROR, "child.failed", "kind=%s pid=%ld status=%d",
		    process_name(c->kind), (long)c->pid, WEXITSTATUS(status));
	pause_crew(c, clean);
	*c = (struct child){ .pid = 0 };
}

static void
kill_child(struct child *c, const char *why)
{
	if (c->killed)
		return;
	log_event(ERROR, "child.killed", "kind=%s pid=%ld why=\"%s\"",
	    process_name(c->kind), (long)c->pid, why);
	(void)kill(c->pid, SIGKILL);
	c->killed = true;
}

/*
 * A stopped child is as good as hung: the kernel may have woken it, and no
 * other, for a connection.
 */
static void
mourn(struct child *c, int status)
{
	if (WIFSTOPPED(status))
		kill_child(c, "stopped");
	else
		bury(c, status);
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		for (int i = 0; i < CHILDREN_MAX; i++)
			if (sup.child[i].pid == pid)
				mourn(&sup.child[i], status);
}

static int
count_children(void)
{
	int n = 0;

	for (int i = 0; i < CHILDREN_MAX; i++)
		n += sup.child[i].pid != 0;
	return n;
}

/* Deadlines --------------------------------------------------------------- */

/*
 * Tells a child to leave, again and again: a signal that comes between the
 * look at the flag and the wait can be lost.
 */
static void
tell(struct child *c, int64_t now)
{
	int64_t most = conf->request_timeout * 1000 + LEAVE_EXTRA_MS;

	if (c->kind == PROCESS_MAILER)
		most += conf->smtp_timeout * 1000;
	if (c->told_at == 0)
		c->told_at = now;
	if (now - c->told_at > most)
		kill_child(c, "did not leave in time");
	else
		(void)kill(c->pid, SIGTERM);
}

static void
watch_children(void)
{
	int64_t now = clock_steady_ms(), busy;

	for (int i = 0; i < CHILDREN_MAX; i++) {
		struct child *c = &sup.child[i];

		if (c->pid == 0)
			continue;
		busy = atomic_load(&sup.slot[i].busy_since);
		if (busy != 0 && now - busy > conf->request_timeout * 1000)
			kill_child(c, "over request_timeout");
		if (sup.leaving || c->generation != sup.generation)
			tell(c, now);
	}
}

/* Signals ----------------------------------------------------------------- */

static void
report_config(void *arg, bool fatal, const char *file, int line,
    const char *what)
{
	(void)arg;
	log_event(fatal ? ERROR : WARN, "config.problem",
	    "file=%s line=%d what=\"%s\"", file, line, what);
}

static void
reload(void)
{
	struct config *fresh = config_load(sup.conf_path, report_config, NULL);

	if (fresh == NULL) {
		log_event(ERROR, "reload.refused",
		    "what=\"%s is not usable, the old configuration stays in"
		    " force\"",
		    sup.conf_path);
		return;
	}
	if (strcmp(fresh->runtime_dir, conf->runtime_dir) != 0)
		log_event(WARN, "reload.partial",
		    "what=\"runtime_dir changes at the next start only\"");
	config_free(&sup.conf);
	conf = sup.conf = fresh;
	sup.generation++;
	size_crews();
	log_event(INFO, "reload.done", "generation=%d", sup.generation);
}

static void
replace(void)
{
	const int fds[] = { sup.crew[PROCESS_WEB].listen_fd,
		sup.crew[PROCESS_PASSWORD].listen_fd };
	pid_t left[CHILDREN_MAX];
	int n = 0;

	for (int i = 0; i < CHILDREN_MAX; i++)
		if (sup.child[i].pid != 0)
			left[n++] = sup.child[i].pid;
	replace_exec(fds, 2, left, n);
}

static void
handle_signal(int sig)
{
	if (sig == SIGUSR2 && !sup.leaving)
		replace();
	if (sig == SIGHUP && !sup.leaving)
		reload();
	if (sig != SIGTERM && sig != SIGINT)
		return;
	if (!sup.leaving)
		log_event(INFO, "supervisor.leaving", "signal=%d", sig);
	sup.leaving = true;
}

static void
wait_for_signal(void)
{
	const struct timespec tick = { 0, TICK_MS * 1000000L };
	int sig = sigtimedwait(&sup.signals, NULL, &tick);

	if (sig > 0)
		handle_signal(sig);
}

static void
remove_files(void)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/web.sock", conf->runtime_dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/password.sock",
	    conf->runtime_dir);
	(void)unlink(path);
	if (*conf->pid_file != '\0')
		(void)unlink(conf->pid_file);
}

int
supervisor_run(struct config *c, const char *conf_path)
{
	conf = sup.conf = c;
	sup.conf_path = conf_path;
	block_signals();
	share_slots();
	open_sockets();
	adopt_children();
	size_crews();
	write_pid();
	sandbox_supervisor();
	log_event(INFO, "supervisor.started",
	    "version=" PACKAGE_VERSION " web_workers=%d password_workers=%d"
	    " separation=%s",
	    sup.crew[PROCESS_WEB].wanted, sup.crew[PROCESS_PASSWORD].wanted,
	    sandbox_separates() ? "users" : "off");
	do {
		fill_crews();
		wait_for_signal();
		reap();
		watch_children();
	} while (!sup.leaving || count_children() > 0);
	remove_files();
	log_event(INFO, "supervisor.left", "%s", "");
	conf = NULL;
	config_free(&sup.conf);
	return 0;
}
