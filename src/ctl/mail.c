/* SPDX-License-Identifier: ISC */
/* posternctl mail: the queue of mails, seen and mended. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "domain/outbox.h"
#include "domain/outbox_queue.h"

static const char usage[] =
    "usage: posternctl mail list [--state queued|sent|dropped|dead]\n"
    "       posternctl mail show id …\n"
    "       posternctl mail retry id …\n"
    "       posternctl mail drop id …\n"
    "       each with [-c file] [--database URI]\n";

/* What the command was asked for. */
struct request {
	struct ctl_place place;
	const char *state; /* of list; NULL: not given */
	const char *verb;
	char **ids; /* ended by NULL */
};

static bool
is_state(const char *text)
{
	static const char *const states[] = { "queued", "sent", "dropped",
		"dead" };

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(text, states[i]) == 0)
			return true;
	return false;
}

static int
read_request(struct request *r, int argc, char **argv)
{
	const struct ctl_option own[] = {
		{ "state", &r->state, NULL },
		{ NULL, NULL, NULL },
	};
	int first;

	*r = (struct request){ .state = NULL };
	first = ctl_read_options(&r->place, own, argc, argv);
	if (first == 0 || first == argc ||
	    (r->state != NULL && !is_state(r->state)))
		return ctl_refuse(usage);
	r->verb = argv[first];
	r->ids = argv + first + 1;
	return 0;
}

static int
list_mails(struct unit *u, const struct request *r)
{
	struct queued_mail *list = NULL;
	char id[UUID_TEXT];
	int n = 0;

	if (outbox_list(u, r->state, &list, &n) != OK)
		return ctl_fail_database(u);
	for (int i = 0; i < n; i++)
		(void)printf("%s  %-16s %-8s %3lld  %s  %s  %s\n",
		    uuid_text(id, &list[i].id), list[i].kind, list[i].state,
		    (long long)list[i].attempts, list[i].due,
		    ctl_text(u->mem, list[i].address),
		    ctl_text(u->mem, list[i].error));
	if (n == 0)
		(void)printf("no mails %s\n",
		    r->state == NULL ? "wait or have died" : r->state);
	if (n == OUTBOX_LIST_MAX)
		(void)printf("… and more: these are the oldest %d\n", n);
	return 0;
}

static int
find_mail(struct unit *u, const struct uuid *id, struct queued_mail *m)
{
	bool found = false;

	if (outbox_find(u, id, &found, m) != OK)
		return ctl_fail_database(u);
	if (!found)
		return ctl_fail("there is no such mail; see `posternctl mail"
				" list`");
	return 0;
}

static int
show_mail(struct ctl_session *s, const struct uuid *id)
{
	struct unit *u = &s->unit;
	struct queued_mail m;

	if (find_mail(u, id, &m) != 0)
		return 1;
	(void)printf("kind      %s\nstate     %s\nfor       %s\n"
		     "queued    %s\ndue       %s\nattempts  %lld\n"
		     "error     %s\n",
	    m.kind, m.state, ctl_text(u->mem, m.address), m.created, m.due,
	    (long long)m.attempts,
	    *m.error == '\0' ? "none" : ctl_text(u->mem, m.error));
	return 0;
}

/* How long its link works is known by the configuration alone, if any. */
static bool
is_over(const struct config *conf, const struct queued_mail *m)
{
	enum mail_kind kind;

	return conf != NULL && mail_kind_by_name(&kind, m->kind) &&
	    m->age >= outbox_lifetime(conf, kind);
}

static int
retry_mail(struct ctl_session *s, const struct uuid *id)
{
	struct unit *u = &s->unit;
	struct queued_mail m;
	bool done = false;

	if (find_mail(u, id, &m) != 0)
		return 1;
	if (outbox_requeue(u, id, &done) != OK)
		return ctl_fail_database(u);
	if (!done)
		return ctl_fail("not queued or dead, or being sent now: look"
				" with `posternctl mail show`");
	if (is_over(s->conf, &m))
		(void)printf("due now, but too old: the mailer ends it again"
			     " unsent; whoever waits for it has to ask for a"
			     " new one\n");
	else
		(void)printf("due now\n");
	return 0;
}

static int
drop_mail(struct ctl_session *s, const struct uuid *id)
{
	struct unit *u = &s->unit;
	bool done = false;

	if (outbox_drop(u, id, &done) != OK)
		return ctl_fail_database(u);
	if (!done)
		return ctl_fail("not queued or dead, or being sent now: look"
				" with `posternctl mail show`");
	(void)printf("dropped\n");
	return 0;
}

static const struct verb {
	const char *name;
	int (*run)(struct ctl_session *s, const struct uuid *id);
} verbs[] = {
	{ "show", show_mail },
	{ "retry", retry_mail },
	{ "drop", drop_mail },
};

static int
run_each(struct ctl_session *s, const struct verb *v, char **ids)
{
	int bad = 0;

	for (; *ids != NULL; ids++) {
		struct uuid id;

		if (!uuid_parse(&id, *ids))
			bad = ctl_fail("%s is no mail's id", *ids);
		else
			bad |= v->run(s, &id);
	}
	return bad;
}

static int
run(struct ctl_session *s, const struct request *r)
{
	if (strcmp(r->verb, "list") == 0)
		return list_mails(&s->unit, r);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(r->verb, verbs[i].name) == 0 && *r->ids != NULL)
			return run_each(s, &verbs[i], r->ids);
	return ctl_refuse(usage);
}

int
ctl_mail(int argc, char **argv)
{
	struct ctl_session s;
	struct request r;
	int bad;

	if ((bad = read_request(&r, argc, argv)) != 0)
		return bad;
	if (!ctl_open(&s, &r.place, "postern_admin"))
		return 1;
	bad = run(&s, &r);
	ctl_close(&s);
	return bad;
}
