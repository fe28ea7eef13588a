/* SPDX-License-Identifier: ISC */
/* POST /auth/logout */
#include "handlers/call.h"

enum err
logout_post(struct call *c)
{
	enum err e = session_end(c->u, &c->session);

	return e != OK ? e : answer_message(c, "Logout successful");
}
