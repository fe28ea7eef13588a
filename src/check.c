/* SPDX-License-Identifier: ISC */
/*
 * posternd -t.  Each process's part is tried in a child that starts as the
 * real one does, with its user, its secrets and its role, so that what passes
 * here starts there.
 */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/schema.h"
#include "platform/config.h"
#include "platform/sandbox.h"
#include "process.h"
#include "render/template.h"

static void
report_template(void *arg, const char *file, int line, const char *what)
{
	(void)arg;
	(void)fprintf(stderr, "posternd: %s:%d: %s\n", file, line, what);
}

static int
check_templates(void)
{
	struct templates *t = templates_load(conf, report_template, NULL);
	int bad = t == NULL;

	templates_free(&t);
	return bad;
}

static int
check_database(struct process *p)
{
	const char *name = process_name(p->kind);
	int version = 0;

	db_request(p->db);
	if (schema_version(&p->unit, &version) != OK) {
		(void)fprintf(stderr,
		    "posternd: %s: the database cannot be used as role"
		    " postern_%s: %s: check `database` and"
		    " %s_database_password_file in postern.conf, that the"
		    " server runs, and that `posternctl migrate` was run\n",
		    name, name, db_message(p->db), name);
		return 1;
	}
	if (version >= SCHEMA_VERSION)
		return 0;
	(void)fprintf(stderr,
	    "posternd: the database schema is at version %d, this program"
	    " needs %d: run `posternctl migrate`\n",
	    version, SCHEMA_VERSION);
	return 1;
}

/* Starts as the kind does, in a child; 0 when it can. */
static int
check_process(enum process_kind kind, bool with_database)
{
	struct process p;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		process_start(&p, kind, -1);
		exit(with_database ? check_database(&p) : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static int
check_all(bool with_database)
{
	int bad = check_templates();

	process_supervise();
	for (int k = PROCESS_WEB; k <= PROCESS_JANITOR; k++)
		bad |= check_process((enum process_kind)k, with_database);
	return bad;
}

int
check_start(void)
{
	return check_all(false);
}

int
check_run(void)
{
	int bad = check_all(true);

	if (!sandbox_separates())
		(void)fprintf(stderr,
		    "posternd: note: not started as root, so all processes"
		    " share one user: the separation is off\n");
	(void)fprintf(stderr, "posternd: the configuration is %s\n",
	    bad ? "not usable" : "good");
	return bad;
}
