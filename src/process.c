/* SPDX-License-Identifier: ISC */
/*
 * The start of every child.  The table is the privilege separation: which
 * user, which database role, which secrets, how nice, how patient.
 */
#include "process.h"

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/sandbox.h"
#include "platform/self.h"
#include "render/template.h"

#define ARENA_SIZE (4UL * 1024 * 1024) /* address space; touched as needed */
#define SPARE_MS 5000                  /* of a step, for what is not waiting */

static const struct privileges {
	const char *name, *role;
	size_t user, database_password; /* offsets in the configuration */
	bool key, smtp;                 /* whether it has that secret */
	int nice, max_files, budget_ms;
} table[] = {
#define OPTION(name) offsetof(struct config, name)
	[PROCESS_WEB] = { "web", "postern_web", OPTION(user_web),
	    OPTION(web_database_password_file), true, false, 0, 2048, 900 },
	[PROCESS_PASSWORD] = { "password", "postern_password",
	    OPTION(user_password), OPTION(password_database_password_file),
	    true, false, 10, 2048, 900 },
	[PROCESS_MAILER] = { "mailer", "postern_mailer", OPTION(user_mailer),
	    OPTION(mailer_database_password_file), false, true, 10, 64, 5000 },
	[PROCESS_JANITOR] = { "janitor", "postern_janitor",
	    OPTION(user_janitor), OPTION(janitor_database_password_file), true,
	    false, 10, 64, 30000 },
};

static volatile sig_atomic_t stopping;
static sigset_t unblocked, blocked;
static pid_t parent;
static struct templates *templates;
static struct watchdog unwatched, *watchdog = &unwatched;

static const char *
text_option(size_t offset)
{
	return *(
	    const char *const *)(const void *)((const char *)conf + offset);
}

const char *
process_name(enum process_kind kind)
{
	return table[kind].name;
}

const sigset_t *
process_unblocked(void)
{
	return stopping ? &blocked : &unblocked;
}

bool
process_stopping(void)
{
	return stopping != 0;
}

void
process_stop(void)
{
	stopping = 1;
}

void
process_set_watchdog(struct watchdog *w)
{
	watchdog = w;
}

void
process_watchdog(int64_t ms)
{
	atomic_store(&watchdog->due, ms == 0 ? 0 : clock_steady_ms() + ms);
}

void
process_step(const struct process *p, int64_t ms)
{
	process_watchdog(ms + table[p->kind].budget_ms + SPARE_MS);
}

void
process_supervise(void)
{
	parent = getpid();
}

static void
stop(int sig)
{
	(void)sig;
	stopping = 1;
}

/*
 * SIGHUP and SIGUSR2 are the supervisor's business, but a terminal, or
 * systemctl kill, sends them to all of us.  They are ignored before the mask
 * that we were forked with is opened.
 */
static void
set_signals(void)
{
	struct sigaction sa = { .sa_handler = stop };

	must(sigemptyset(&blocked) == 0);
	must(sigaddset(&blocked, SIGTERM) == 0);
	must(sigaddset(&blocked, SIGINT) == 0);
	must(sigemptyset(&unblocked) == 0);
	must(sigaction(SIGTERM, &sa, NULL) == 0);
	must(sigaction(SIGINT, &sa, NULL) == 0);
	sa.sa_handler = SIG_DFL;
	must(sigaction(SIGCHLD, &sa, NULL) == 0);
	sa.sa_handler = SIG_IGN;
	must(sigaction(SIGHUP, &sa, NULL) == 0);
	must(sigaction(SIGUSR2, &sa, NULL) == 0);
	must(sigaction(SIGPIPE, &sa, NULL) == 0);
	must(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
}

/* The password of the kind's database role; NULL for peer authentication. */
static char *
read_database_password(const struct privileges *k)
{
	const char *path = text_option(k->database_password);
	const char *why = NULL;
	char *password;

	if (*path == '\0')
		return NULL;
	password = config_read_secret(path, &why);
	if (password == NULL)
		log_fatal("%s_database_password_file: %s: %s", k->name, path,
		    why);
	return password;
}

/* The relay's password; NULL where it asks for none. */
static char *
read_smtp_password(const struct privileges *k)
{
	const char *why = NULL;
	char *password;

	if (!k->smtp || *conf->smtp_user == '\0' ||
	    *conf->smtp_password_file == '\0')
		return NULL;
	password = config_read_secret(conf->smtp_password_file, &why);
	if (password == NULL)
		log_fatal("smtp_password_file: %s: %s",
		    conf->smtp_password_file, why);
	return password;
}

static void
report_template(void *arg, const char *file, int line, const char *what)
{
	(void)arg;
	log_event(ERROR, "template.bad", "file=%s line=%d what=%s", file, line,
	    what);
}

/* At the end of this process, and of each child for itself. */
static void
free_templates(void)
{
	templates_free(&templates);
}

bool
process_load_templates(const struct config *c)
{
	struct templates *t = templates_load(c, report_template, NULL);

	if (t == NULL)
		return false;
	if (templates == NULL)
		must(atexit(free_templates) == 0);
	free_templates();
	templates = t;
	return true;
}

const struct templates *
process_templates(void)
{
	must(templates != NULL);
	return templates;
}

static void
open_database(struct process *p, const struct privileges *k, char *password)
{
	p->db = db_open(&(struct db_options){
	    .conninfo = conf->database,
	    .user = k->role,
	    .password = password,
	    .prepare = conf->database_prepare,
	    .budget_ms = k->budget_ms,
	});
	if (password == NULL)
		return;
	explicit_bzero(password, strlen(password));
	free(password);
}

static void
read_keys(struct process *p, const struct privileges *k)
{
	const char *why;

	if (!k->key)
		return;
	why = key_ring_read(&p->keys, conf->key_file);
	if (why != NULL)
		log_fatal("key_file: %s: %s", conf->key_file, why);
	p->unit.keys = &p->keys;
}

void
process_start(struct process *p, enum process_kind kind, int keep_fd)
{
	const struct privileges *k = &table[kind];
	char *password;

	log_open(k->name, (enum log_level)conf->log_level);
	self_name(k->name);
	/* libesmtp gives up when it may not look into root's. */
	(void)unsetenv("HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	sandbox_close_files(keep_fd);
	stopping = 0;
	set_signals();
	/* The libraries do not wipe: what they free is overwritten, but for
	 * the few chunks that glibc keeps at hand (see db_forget()). */
	(void)mallopt(M_PERTURB, 0xa5);

	*p = (struct process){ .kind = kind, .mem = arena_new(ARENA_SIZE) };
	password = read_database_password(k);
	p->smtp_password = read_smtp_password(k);
	read_keys(p, k);
	sandbox_child(&(struct sandbox){
	    .parent = parent,
	    .user = text_option(k->user),
	    .nice = k->nice,
	    .max_files = k->max_files,
	});
	open_database(p, k, password);
	p->unit.mem = p->mem;
	p->unit.db = p->db;
}
