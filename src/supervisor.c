/* SPDX-License-Identifier: ISC */
/*
 * One loop: a signal or half a second, then look at everything.  Signals are
 * only noted; what they ask for begins when nothing else is being tried.
 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "crew.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/listen.h"
#include "platform/log.h"
#include "platform/sandbox.h"
#include "platform/self.h"
#include "replace.h"
#include "trial.h"

#define TICK_MS 500
#define PATH_SIZE 4096

static struct supervisor {
	struct config *conf; /* what conf points to, ours to free */
	const char *conf_path;
	bool leaving;
	bool reload_asked, replace_asked; /* and not begun yet */
	struct trial trial;
	struct config *fresh; /* what is tried, or NULL */
	/* Files of ours to remove at the end; "" where they are not. */
	char web_socket[PATH_SIZE], password_socket[PATH_SIZE];
	char pid_file[PATH_SIZE];
	int web_fd, password_fd;
	sigset_t signals;
} sup;

/* Starting ---------------------------------------------------------------- */

/*
 * The socket of that name: inherited, or bound here.  path is set to what is
 * ours to remove, which a predecessor's sockets are and systemd's are not.
 */
static int
open_socket(const char *name, char path[PATH_SIZE])
{
	int fd = listen_inherited(name);

	(void)snprintf(path, PATH_SIZE, "%s/%s", conf->runtime_dir, name);
	if (fd < 0)
		return listen_unix(path, conf->socket_group);
	if (!replace_owns_sockets())
		path[0] = '\0';
	return fd;
}

static void
open_sockets(void)
{
	listen_make_folder(conf->runtime_dir, conf->socket_group);
	sup.web_fd = open_socket("web.sock", sup.web_socket);
	sup.password_fd = open_socket("password.sock", sup.password_socket);
	crew_set_socket(PROCESS_WEB, sup.web_fd);
	crew_set_socket(PROCESS_PASSWORD, sup.password_fd);
}

static void
adopt_children(void)
{
	static struct crew_member left[CREW_MAX];

	crew_adopt(left, replace_take_children(left, CREW_MAX));
}

static void
block_signals(void)
{
	const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };

	must(sigemptyset(&sup.signals) == 0);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		must(sigaddset(&sup.signals, caught[i]) == 0);
	must(sigprocmask(SIG_BLOCK, &sup.signals, NULL) == 0);
}

static bool
write_number(const char *path, long number)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (f == NULL)
		return false;
	ok = fprintf(f, "%ld\n", number) > 0;
	return fclose(f) == 0 && ok;
}

/* Without it the service is harder to signal, but it is there. */
static void
write_pid(void)
{
	if (*conf->pid_file == '\0')
		return;
	(void)snprintf(sup.pid_file, PATH_SIZE, "%s", conf->pid_file);
	if (!write_number(sup.pid_file, (long)getpid()))
		log_event(ERROR, "pid_file.failed",
		    "file=%s pid=%ld what=%s:"
		    " serving goes on without it",
		    sup.pid_file, (long)getpid(), strerror(errno));
}

static void
remove_files(void)
{
	const char *const paths[] = { sup.web_socket, sup.password_socket,
		sup.pid_file };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (*paths[i] != '\0')
			(void)unlink(paths[i]);
}

/* Changes ----------------------------------------------------------------- */

static void
report_config(void *arg, bool fatal, const char *file, int line,
    const char *what)
{
	(void)arg;
	log_event(fatal ? ERROR : WARN, "config.problem",
	    "file=%s line=%d what=%s", file, line, what);
}

static void
reload(void)
{
	sup.reload_asked = false;
	sup.fresh = config_load(sup.conf_path, report_config, NULL);
	if (sup.fresh == NULL)
		log_event(ERROR, "reload.refused",
		    "what=the old configuration stays in force");
	else if (!trial_begin(&sup.trial, CHANGE_CONFIGURATION, sup.fresh))
		config_free(&sup.fresh);
}

/* What was asked for while another trial ran is not forgotten. */
static void
begin_change(void)
{
	if (sup.leaving || sup.trial.change != CHANGE_NONE)
		return;
	if (sup.replace_asked) {
		sup.replace_asked = false;
		(void)trial_begin(&sup.trial, CHANGE_PROGRAM, NULL);
	} else if (sup.reload_asked) {
		reload();
	}
}

static void
report_partial(const char *option, const char *before, const char *after)
{
	if (strcmp(before, after) != 0)
		log_event(WARN, "reload.partial",
		    "what=%s changes at the next start only", option);
}

static void
take_configuration(void)
{
	if (!process_load_templates(sup.fresh)) {
		log_event(ERROR, "reload.refused",
		    "what=the templates changed after they had passed the"
		    " check, see above: nothing has changed");
		return;
	}
	report_partial("runtime_dir", conf->runtime_dir,
	    sup.fresh->runtime_dir);
	report_partial("socket_group", conf->socket_group,
	    sup.fresh->socket_group);
	report_partial("pid_file", conf->pid_file, sup.fresh->pid_file);
	conf = sup.fresh;
	config_free(&sup.conf);
	sup.conf = sup.fresh;
	sup.fresh = NULL;
	log_open("supervisor", (enum log_level)conf->log_level);
	crew_resize();
	crew_renew();
	log_event(INFO, "reload.done", "file=%s", sup.conf_path);
}

_Noreturn static void
replace(void)
{
	static struct crew_member left[CREW_MAX];
	const int fds[] = { sup.web_fd, sup.password_fd };
	bool ours = sup.web_socket[0] != '\0';

	replace_exec(fds, 2, ours, left, crew_list(left, CREW_MAX));
	log_fatal("the new program could not be executed, and the sockets are"
		  " out of their places: start again");
}

/* Who leaves takes over nothing: a new program would not know of it. */
static void
end_trial(int status)
{
	enum change passed = trial_end(&sup.trial, status);

	if (sup.leaving)
		passed = CHANGE_NONE;
	switch (passed) {
	case CHANGE_CONFIGURATION:
		take_configuration();
		break;
	case CHANGE_PROGRAM:
		replace();
	case CHANGE_NONE:
		break;
	}
	config_free(&sup.fresh);
}

/* The loop ---------------------------------------------------------------- */

static void
leave(int sig)
{
	if (sup.leaving)
		return;
	log_event(INFO, "supervisor.leaving", "signal=%d", sig);
	sup.leaving = true;
	crew_leave();
	trial_kill(&sup.trial);
}

static void
handle_signal(int sig)
{
	if (sig == SIGHUP)
		sup.reload_asked = true;
	else if (sig == SIGUSR2)
		sup.replace_asked = true;
	else if (sig != SIGCHLD)
		leave(sig);
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
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (!trial_is(&sup.trial, pid))
			crew_reap(pid, status);
		else if (!WIFSTOPPED(status))
			end_trial(status);
	}
}

static void
serve(void)
{
	do {
		crew_fill();
		wait_for_signal();
		reap();
		trial_watch(&sup.trial);
		begin_change();
		crew_watch();
	} while (!sup.leaving || crew_list(NULL, 0) > 0);
}

int
supervisor_run(struct config *c, const char *conf_path)
{
	conf = sup.conf = c;
	sup.conf_path = conf_path;
	block_signals();
	process_supervise();
	crypto_warm();
	if (!process_load_templates(conf))
		log_fatal("the templates cannot be used: see the lines above,"
			  " and try `posternd -t`");
	crew_open();
	open_sockets();
	adopt_children();
	crew_resize();
	write_pid();
	sandbox_supervisor();
	log_event(INFO, "supervisor.started",
	    "version=" PACKAGE_VERSION " separation=%s",
	    sandbox_separates() ? "users" : "off");
	self_trim();
	serve();
	remove_files();
	log_event(INFO, "supervisor.left", "%s", "");
	conf = NULL;
	config_free(&sup.conf);
	return 0;
}
