/* SPDX-License-Identifier: ISC */
/* posternctl account: one account, seen, shut out and let in again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "domain/account_admin.h"

static const char usage[] = "usage: posternctl account show address …\n"
			    "       posternctl account disable address …\n"
			    "       posternctl account enable address …\n"
			    "       posternctl account sign-out address …\n"
			    "       each with [-c file] [--database URI]\n";

/* What the command was asked for. */
struct request {
	struct ctl_place place;
	const struct verb *verb;
	char **addresses; /* ended by NULL */
};

static int
show(struct unit *u, const struct account_seen *a)
{
	char id[UUID_TEXT];

	(void)u;
	(void)printf("address   %s\nid        %s\ncreated   %s\n"
		     "verified  %s\ndisabled  %s\nlanguage  %s\n"
		     "sessions  %" PRId64 "\n",
	    a->address, uuid_text(id, &a->id), a->created,
	    *a->verified == '\0' ? "no" : a->verified,
	    *a->disabled == '\0' ? "no" : a->disabled,
	    *a->language == '\0' ? "of the browser" : a->language, a->sessions);
	return 0;
}

static int
disable(struct unit *u, const struct account_seen *a)
{
	bool done;

	if (account_admin_disable(u, &a->id, &done) != OK)
		return ctl_fail_database(u);
	if (!done)
		return ctl_fail("%s is disabled already, since %s", a->address,
		    a->disabled);
	(void)printf("%s is disabled and signed out everywhere; `posternctl"
		     " account enable` lets it in again\n",
	    a->address);
	return 0;
}

static int
enable(struct unit *u, const struct account_seen *a)
{
	bool done;

	if (account_admin_enable(u, &a->id, &done) != OK)
		return ctl_fail_database(u);
	if (!done)
		return ctl_fail("%s is not disabled", a->address);
	(void)printf("%s may sign in again\n", a->address);
	return 0;
}

static int
sign_out(struct unit *u, const struct account_seen *a)
{
	bool done;

	if (account_admin_sign_out(u, &a->id, &done) != OK)
		return ctl_fail_database(u);
	if (!done)
		return ctl_fail("%s is gone meanwhile", a->address);
	(void)printf("%s is signed out everywhere, of %" PRId64 " sessions\n",
	    a->address, a->sessions);
	return 0;
}

static const struct verb {
	const char *name;
	int (*run)(struct unit *u, const struct account_seen *a);
} verbs[] = {
	{ "show", show },
	{ "disable", disable },
	{ "enable", enable },
	{ "sign-out", sign_out },
};

static int
read_request(struct request *r, int argc, char **argv)
{
	int first;

	*r = (struct request){ .verb = NULL };
	first = ctl_read_options(&r->place, NULL, argc, argv);
	if (first == 0 || argc - first < 2)
		return ctl_refuse(usage);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(argv[first], verbs[i].name) == 0)
			r->verb = &verbs[i];
	r->addresses = argv + first + 1;
	return r->verb != NULL ? 0 : ctl_refuse(usage);
}

static int
run_one(struct unit *u, const struct verb *v, const char *typed)
{
	struct address address;
	struct account_seen a;
	bool found;

	if (address_parse(&address, u->mem, typed) != OK)
		return ctl_fail("%s is no e-mail address", typed);
	if (account_admin_find(u, &address, &found, &a) != OK)
		return ctl_fail_database(u);
	if (!found)
		return ctl_fail("%s has no account", typed);
	a.address = ctl_text(u->mem, a.address);
	a.language = ctl_text(u->mem, a.language);
	return v->run(u, &a);
}

int
ctl_account(int argc, char **argv)
{
	struct ctl_session s;
	struct request r;
	int bad;

	if ((bad = read_request(&r, argc, argv)) != 0)
		return bad;
	if (!ctl_open(&s, &r.place, "postern_admin"))
		return 1;
	for (; *r.addresses != NULL; r.addresses++)
		bad |= run_one(&s.unit, r.verb, *r.addresses);
	ctl_close(&s);
	return bad;
}
