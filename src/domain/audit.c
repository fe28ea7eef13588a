/* SPDX-License-Identifier: ISC */
/* Security events, kept in the database beside what they tell of. */
#include "domain/audit.h"

#include "platform/log.h"

static const struct db_query put = {
	.name = "audit_put",
	.text = "INSERT INTO postern.audit_event"
		" (event, account_id, session_id, client)"
		" VALUES ($1, $2, $3, $4)",
	.nparams = 4,
	.writes = true,
};

enum err
audit_put(struct unit *u, const char *event, const struct uuid *account,
    const struct uuid *session, const char *client)
{
	return unit_send(u, &put,
	    DB_PARAMS(db_text(event), db_uuid(account), db_uuid(session),
		db_text(client)));
}

void
audit_log(const char *event, const struct uuid *account,
    const struct uuid *session)
{
	char whose[UUID_TEXT] = "-", which[UUID_TEXT] = "-";

	if (account != NULL)
		(void)uuid_text(whose, account);
	if (session != NULL)
		(void)uuid_text(which, session);
	log_event(INFO, event, "account=%s session=%s", whose, which);
}
