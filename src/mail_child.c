/* SPDX-License-Identifier: ISC */
/*
 * The child that sends one mail: a pipe for its answer, and a deadline after
 * which it is killed.
 */
#include "mail_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/config.h"
#include "platform/sandbox.h"
#include "process.h"

#define DEADLINE_S 3 /* a session may take over its smtp_timeout */

_Noreturn static void
send_in_child(const struct process *p, const char *recipient,
    const char *message, size_t n, int out)
{
	const char *password = p->smtp_password;
	const struct smtp_relay relay = {
		.host = conf->smtp_host,
		.port = (int)conf->smtp_port,
		.starttls = conf->smtp_tls == SMTP_TLS_STARTTLS,
		.ca_file = conf->smtp_ca_file,
		.user = conf->smtp_user,
		.password = password == NULL ? "" : password,
		.timeout_s = (int)conf->smtp_timeout,
	};
	struct smtp_result r;

	sandbox_close_files(out);
	db_forget(p->db);
	r = smtp_send(&relay, conf->mail_from, recipient, message, n);
	_exit(write(out, &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
}

/*
 * Reads the child's answer.  False when it closed the pipe before, or the
 * deadline came.  Signals are let in here, only to be noted: the mail in hand
 * is finished.
 */
static bool
read_answer(int fd, int64_t deadline, struct smtp_result *r)
{
	char *p = (char *)r;
	size_t n = 0;

	while (n < sizeof *r) {
		int64_t left = deadline - clock_steady_ms();
		struct timespec t = { left / 1000, left % 1000 * 1000000 };
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int ready;
		ssize_t got;

		if (left <= 0)
			return false;
		ready = ppoll(&pfd, 1, &t, process_unblocked());
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		got = read(fd, p + n, sizeof *r - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return true;
}

/* The child's answer, trusted no more than the server it talked to. */
static struct smtp_result
clean(struct smtp_result *r)
{
	struct smtp_result safe;

	r->what[sizeof r->what - 1] = '\0';
	if (r->outcome != SMTP_DELIVERED && r->outcome != SMTP_REFUSED)
		r->outcome = SMTP_LATER;
	safe = smtp_result(r->outcome, r->what, 0, NULL);
	safe.code = r->code;
	return safe;
}

static struct smtp_result
wait_for(pid_t pid, int fd)
{
	int64_t deadline =
	    clock_steady_ms() + 1000 * (conf->smtp_timeout + DEADLINE_S);
	struct smtp_result r;
	bool told = read_answer(fd, deadline, &r);

	/* It is done, or it is to be done with. */
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (told)
		return clean(&r);
	return smtp_result(SMTP_LATER, "the SMTP session was ended:", 0,
	    clock_steady_ms() >= deadline ? "it took too long" : "it crashed");
}

struct smtp_result
mail_child_send(const struct process *p, const char *recipient,
    const char *message, size_t n)
{
	pid_t self = getpid(), pid;
	struct smtp_result r;
	int fds[2];

	process_step(p, 1000 * (conf->smtp_timeout + DEADLINE_S));
	if (pipe2(fds, O_CLOEXEC) != 0)
		return smtp_result(SMTP_LATER, "no pipe:", 0, strerror(errno));
	pid = fork();
	if (pid == 0) {
		/* Not to be left over when we are killed. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != self)
			_exit(1);
		send_in_child(p, recipient, message, n, fds[1]);
	}
	(void)close(fds[1]);
	if (pid > 0)
		r = wait_for(pid, fds[0]);
	else
		r = smtp_result(SMTP_LATER, "no process:", 0, strerror(errno));
	(void)close(fds[0]);
	return r;
}
