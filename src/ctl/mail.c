/* SPDX-License-Identifier: ISC */
/* posternctl mail: the queue of mails, seen and mended. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "domain/outbox_queue.h"

static const char usage[] =
    "usage: posternctl mail list [--state queued|sent|dropped|dead]\n"
    "       posternctl mail show id\n"
    "       posternctl mail retry id …\n"
    "       posternctl mail drop id …\n"
    "       each with [-c file] [--database URI]\n";

/* What the command was asked for. */
struct request {
	const char *database, *conf_path, *state;
	const char *verb;
	char **ids; /* ended by NULL */
};

static int
refuse_usage(void)
{
	(void)fputs(usage, stderr);
	return 2;
}

static int
read_request(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "database", required_argument, NULL, 'd' },
		{ "state", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	*r = (struct request){ .conf_path = POSTERN_CONF };
	while ((o = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (o == 'd')
			r->database = optarg;
		else if (o == 's')
			r->state = optarg;
		else if (o == 'c')
			r->conf_path = optarg;
		else
			return refuse_usage();
	}
	if (optind == argc)
		return refuse_usage();
	r->verb = argv[optind];
	r->ids = argv + optind + 1;
	return 0;
}

static int
fail_database(struct unit *u)
{
	return ctl_fail("the database does not answer: %s", db_message(u->db));
}

static int
list_mails(struct unit *u, const struct request *r)
{
	struct queued_mail *list = NULL;
	char id[UUID_TEXT];
	int n = 0;

	if (outbox_list(u, r->state, &list, &n) != OK)
		return fail_database(u);
	for (int i = 0; i < n; i++)
		(void)printf("%s  %-16s %-8s %3lld  %s  %s  %s\n",
		    uuid_text(id, &list[i].id), list[i].kind, list[i].state,
		    (long long)list[i].attempts, list[i].due, list[i].address,
		    list[i].error);
	if (n == 0)
		(void)printf("no mails %s\n",
		    r->state == NULL ? "wait or have died" : r->state);
	if (n == OUTBOX_LIST_MAX)
		(void)printf("… and more: these are the oldest %d\n", n);
	return 0;
}

static int
show_mail(struct unit *u, const struct uuid *id)
{
	struct queued_mail m;
	bool found = false;

	if (outbox_find(u, id, &found, &m) != OK)
		return fail_database(u);
	if (!found)
		return ctl_fail("there is no such mail; see `posternctl mail"
				" list`");
	(void)printf("kind      %s\nstate     %s\nfor       %s\n"
		     "queued    %s\ndue       %s\nattempts  %lld\n"
		     "error     %s\n",
	    m.kind, m.state, m.address, m.created, m.due, (long long)m.attempts,
	    *m.error == '\0' ? "none" : m.error);
	return 0;
}

static int
retry_mail(struct unit *u, const struct uuid *id)
{
	bool done = false;

	if (outbox_requeue(u, id, &done) != OK)
		return fail_database(u);
	if (!done)
		return ctl_fail("not queued or dead, or being sent now: look"
				" with `posternctl mail show`");
	(void)printf("due now\n");
	return 0;
}

static int
drop_mail(struct unit *u, const struct uuid *id)
{
	bool done = false;

	if (outbox_drop(u, id, &done) != OK)
		return fail_database(u);
	if (!done)
		return ctl_fail("not queued or dead, or being sent now: look"
				" with `posternctl mail show`");
	(void)printf("dropped\n");
	return 0;
}

static const struct verb {
	const char *name;
	int (*run)(struct unit *u, const struct uuid *id);
} verbs[] = {
	{ "show", show_mail },
	{ "retry", retry_mail },
	{ "drop", drop_mail },
};

static int
run_each(struct unit *u, const struct verb *v, char **ids)
{
	int bad = 0;

	for (; *ids != NULL; ids++) {
		struct uuid id;

		if (!uuid_parse(&id, *ids))
			bad = ctl_fail("%s is no mail's id", *ids);
		else
			bad |= v->run(u, &id);
	}
	return bad;
}

static int
run(struct unit *u, const struct request *r)
{
	if (strcmp(r->verb, "list") == 0)
		return list_mails(u, r);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(r->verb, verbs[i].name) == 0 && *r->ids != NULL)
			return run_each(u, &verbs[i], r->ids);
	return refuse_usage();
}

int
ctl_mail(int argc, char **argv)
{
	struct ctl_session s;
	struct request r;
	int bad;

	if ((bad = read_request(&r, argc, argv)) != 0)
		return bad;
	if (!ctl_open(&s, r.conf_path, r.database, "postern_admin"))
		return 1;
	bad = run(&s.unit, &r);
	ctl_close(&s);
	return bad;
}
