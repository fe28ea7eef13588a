/* SPDX-License-Identifier: ISC */
/*
 * posternctl key: the keys that sign tokens, seen, rotated and ended.  Only
 * making one needs the key file, under which it is sealed.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "domain/key_rotation.h"
#include "platform/config.h"

static const char usage[] = "usage: posternctl key list\n"
			    "       posternctl key rotate [--now]\n"
			    "       posternctl key retire kid\n"
			    "       each with [-c file] [--database URI]\n";

/* What the command was asked for. */
struct request {
	struct ctl_place place;
	const char *verb, *kid; /* kid is NULL but for retire */
	bool at_once;
};

static bool
is_verb(const struct request *r, const char *verb, bool with_kid)
{
	return strcmp(r->verb, verb) == 0 && (r->kid != NULL) == with_kid;
}

static int
read_request(struct request *r, int argc, char **argv)
{
	const struct ctl_option own[] = {
		{ "now", NULL, &r->at_once },
		{ NULL, NULL, NULL },
	};
	int first;

	*r = (struct request){ .at_once = false };
	first = ctl_read_options(&r->place, own, argc, argv);
	if (first == 0 || first == argc || argc - first > 2)
		return ctl_refuse(usage);
	r->verb = argv[first];
	r->kid = argv[first + 1];
	if (is_verb(r, "rotate", false))
		return 0;
	if (!r->at_once &&
	    (is_verb(r, "list", false) || is_verb(r, "retire", true)))
		return 0;
	return ctl_refuse(usage);
}

static int
list_keys(struct unit *u)
{
	struct key_listed *list = NULL;
	int n = 0;

	if (key_rotation_list(u, &list, &n) != OK)
		return ctl_fail_database(u);
	if (n == 0)
		(void)printf("no keys yet: posternd makes the first within a"
			     " minute of its start\n");
	else
		(void)printf("%-22s  %-7s  %-20s  %-20s  %s\n", "kid", "state",
		    "created", "signs from", "verifies until");
	for (int i = 0; i < n; i++)
		(void)printf("%-22s  %-7s  %-20s  %-20s  %s\n",
		    ctl_text(u->mem, list[i].kid), list[i].state,
		    list[i].created, list[i].signs_from,
		    *list[i].verifies_until == '\0' ? "-" :
						      list[i].verifies_until);
	return 0;
}

static int
make_key(struct unit *u, bool at_once)
{
	char kid[SIGNING_KID_TEXT];
	bool waits = false;

	if (key_rotation_next(u, at_once, &waits, kid) != OK)
		return ctl_fail_database(u);
	if (waits)
		return ctl_fail("%s is published already and waits to sign (see"
				" `posternctl key list`); not to wait for it,"
				" add --now",
		    kid);
	if (at_once)
		(void)
		    printf("%s signs in 2 seconds: workers take it up within a"
			   " minute, at once when posternd gets SIGHUP.\n"
			   "Tokens of the key before it are good until they"
			   " are over; if that key leaked, end it with"
			   " `posternctl key retire`.\n",
			kid);
	else
		(void)printf("%s is published now and signs in 24 hours\n",
		    kid);
	return 0;
}

static int
rotate(struct ctl_session *s, const struct request *r)
{
	struct key_ring ring;
	const char *why;
	int bad;

	/* It knows where the key file is, wherever the database is. */
	if (s->conf == NULL &&
	    (s->conf = ctl_config(r->place.conf_path)) == NULL)
		return 1;
	conf = s->conf; /* how long old keys are kept */
	why = key_ring_read(&ring, s->conf->key_file);
	if (why != NULL)
		return ctl_fail("key_file: %s: %s", s->conf->key_file, why);
	s->unit.keys = &ring;
	bad = make_key(&s->unit, r->at_once);
	s->unit.keys = NULL;
	explicit_bzero(&ring, sizeof ring);
	return bad;
}

static int
retire(struct unit *u, const char *kid)
{
	enum key_retirement result = KEY_UNKNOWN;

	if (key_rotation_retire(u, kid, &result) != OK)
		return ctl_fail_database(u);
	switch (result) {
	case KEY_RETIRED:
		(void)printf("%s verifies no more: workers stop within a"
			     " minute, at once when posternd gets SIGHUP;"
			     " others when they read the JWK Set again\n",
		    kid);
		return 0;
	case KEY_UNKNOWN:
		return ctl_fail("no key that verifies is named %s: see"
				" `posternctl key list`",
		    kid);
	case KEY_ONLY:
		return ctl_fail("%s is the only key that signs: make another"
				" first, with `posternctl key rotate --now`",
		    kid);
	}
	return 1;
}

static int
run(struct ctl_session *s, const struct request *r)
{
	if (strcmp(r->verb, "list") == 0)
		return list_keys(&s->unit);
	if (strcmp(r->verb, "retire") == 0)
		return retire(&s->unit, r->kid);
	return rotate(s, r);
}

int
ctl_key(int argc, char **argv)
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
