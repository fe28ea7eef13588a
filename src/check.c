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
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/key_rotation.h"
#include "domain/schema.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/listen.h"
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
count_live(const struct key_listed *list, int n)
{
	int live = 0;

	for (int i = 0; i < n; i++)
		live += strcmp(list[i].state, "over") != 0;
	return live;
}

/*
 * A further node with a key file of its own starts, makes a key of its own,
 * and refuses what the others sign.  Only a warning, because it looks the same
 * when the key file was replaced on purpose.
 */
static void
look_at_keys(struct process *p)
{
	struct signing_keys *opened = signing_keys_new();
	struct key_listed *list = NULL;
	const char *kid;
	int n = 0;

	if (key_rotation_list(&p->unit, &list, &n) == OK &&
	    (n = count_live(list, n)) > 0 &&
	    signing_keys_refresh(&p->unit, opened, 0) == OK &&
	    signing_keys_at(opened, 0, &kid) == NULL)
		(void)fprintf(stderr,
		    "posternd: warning: none of the %d signing keys in the"
		    " database opens with key_file %s: all nodes need the same"
		    " key file, so copy that of the others here; or, where it"
		    " was replaced on purpose, end those keys with `posternctl"
		    " key retire`\n",
		    n, conf->key_file);
	signing_keys_free(&opened);
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
	if (version >= SCHEMA_VERSION && p->kind == PROCESS_WEB)
		look_at_keys(p);
	if (version >= SCHEMA_VERSION)
		return 0;
	(void)fprintf(stderr,
	    "posternd: the database schema is at version %d, this program"
	    " needs %d: run `posternctl migrate`\n",
	    version, SCHEMA_VERSION);
	return 1;
}

static int
wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Starts as the kind does, in a child; 0 when it can. */
static int
check_process(enum process_kind kind, bool with_database)
{
	struct process p;
	pid_t pid = fork();

	if (pid == 0) {
		process_start(&p, kind, -1);
		exit(with_database ? check_database(&p) : 0);
	}
	return wait_for(pid);
}

/* In a child too, since what is missing ends it. */
static int
check_socket_group(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		listen_check_group(conf->socket_group);
		exit(0);
	}
	return wait_for(pid);
}

/* Root's access to all files is dropped first: with it this process could read
 * what the children cannot. */
static int
check_all(bool with_database)
{
	int bad = check_templates();

	process_supervise();
	sandbox_supervisor();
	for (int k = PROCESS_WEB; k <= PROCESS_JANITOR; k++)
		bad |= check_process((enum process_kind)k, with_database);
	return bad;
}

int
check_without_database(void)
{
	return check_all(false);
}

int
check_run(void)
{
	int bad = check_all(true) | check_socket_group();

	if (!sandbox_separates())
		(void)fprintf(stderr,
		    "posternd: note: not started as root, so all processes"
		    " share one user: the separation is off\n");
	(void)fprintf(stderr, "posternd: the configuration is %s\n",
	    bad ? "not usable" : "good");
	return bad;
}
