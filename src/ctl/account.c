/* SPDX-License-Identifier: ISC */
/* posternctl account: one account, seen, shut out and let in again. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "domain/account_admin.h"
#include "platform/config.h"

static const char usage[] = "usage: posternctl account show address …\n"
			    "       posternctl account disable address …\n"
			    "       posternctl account enable address …\n"
			    "       posternctl account sign-out address …\n"
			    "       each with [-c file] [--database URI]\n";

/* What the command was asked for. */
struct request {
	const char *database, *conf_path;
	const struct verb *verb;
	char **addresses; /* ended by NULL */
};

static int
fail_database(struct unit *u)
{
	return ctl_fail("the database does not answer: %s", db_message(u->db));
}

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
		return fail_database(u);
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
		return fail_database(u);
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
		return fail_database(u);
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
		{ NULL, 0, NULL, 0 },
	};
	int o;

	*r = (struct request){ .conf_path = POSTERN_CONF };
	while ((o = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (o == 'd')
			r->database = optarg;
		else if (o == 'c')
			r->conf_path = optarg;
		else
			return refuse_usage();
	}
	if (argc - optind < 2)
		return refuse_usage();
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			r->verb = &verbs[i];
	r->addresses = argv + optind + 1;
	return r->verb != NULL ? 0 : refuse_usage();
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
		return fail_database(u);
	if (!found)
		return ctl_fail("%s has no account", typed);
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
	if (!ctl_open(&s, r.conf_path, r.database, "postern_admin"))
		return 1;
	for (; *r.addresses != NULL; r.addresses++)
		bad |= run_one(&s.unit, r.verb, *r.addresses);
	ctl_close(&s);
	return bad;
}
