/* SPDX-License-Identifier: ISC */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * The run-time results of Postern.  Every way in which a request can end
 * other than well has one value here; handlers/answer.c gives each its
 * status and sentence, and nobody else does but the table of mistakes in
 * handlers/page.c, for a form that is shown again.
 *
 * Three kinds of failure are kept apart: a bug aborts through must()
 * (base/must.h), a start that cannot succeed ends through log_fatal()
 * (platform/log.h), everything else is an enum err that its receiver has to
 * look at.  A function that returns anything but OK has set none of its
 * results, unless its header says otherwise.
 */
#define ERR_TABLE(X)                                                           \
	/* The request as such. */                                             \
	X(OK)                                                                  \
	X(ERR_NOT_FOUND)    /* no route has this path */                       \
	X(ERR_METHOD)       /* the path has other methods */                   \
	X(ERR_WRONG_POOL)   /* nginx sent it to the wrong socket */            \
	X(ERR_ORIGIN)       /* an unsafe request from another site */          \
	X(ERR_CONTENT_TYPE) /* not application/json (or not a form) */         \
	X(ERR_TOO_LARGE)    /* body over BODY_MAX */                           \
	X(ERR_BODY_CUT)     /* fewer or more bytes than declared */            \
	X(ERR_JSON)         /* not the JSON of RFC 8259, strictly */           \
	X(ERR_FORM)         /* not a form: escapes, UTF-8, too many fields */  \
	X(ERR_JSON_DEPTH)   /* nested deeper than BODY_DEPTH */                \
	X(ERR_NOT_OBJECT)   /* JSON, but not an object */                      \
	X(ERR_FIELD_TYPE)   /* a field that is not a string */                 \
	/* What a field says. */                                               \
	X(ERR_NEED_CREDENTIALS)                                                \
	X(ERR_NEED_EMAIL)                                                      \
	X(ERR_NEED_RESET)                                                      \
	X(ERR_NEED_CHANGE)                                                     \
	X(ERR_NEED_VERIFICATION)                                               \
	X(ERR_NEED_CURRENT)                                                    \
	X(ERR_NEED_NEW_EMAIL)                                                  \
	X(ERR_EMAIL_FORMAT)                                                    \
	X(ERR_PASSWORD_SHORT)                                                  \
	X(ERR_PASSWORD_LONG)                                                   \
	/* What the account says. */                                           \
	X(ERR_EMAIL_TAKEN)                                                     \
	X(ERR_EMAIL_SAME)  /* the account has this address */                  \
	X(ERR_CREDENTIALS) /* unknown address or wrong password */             \
	X(ERR_UNVERIFIED)                                                      \
	X(ERR_DISABLED)                                                        \
	X(ERR_NO_SESSION)    /* none of the account's has this id */           \
	X(ERR_SIGNED_OUT)    /* no live session in the cookie */               \
	X(ERR_TOKEN_MISSING) /* no Bearer token (RFC 6750) */                  \
	X(ERR_TOKEN_INVALID)                                                   \
	X(ERR_TOKEN_EXPIRED)                                                   \
	X(ERR_RESET_TOKEN)        /* one-time token of a reset link */         \
	X(ERR_VERIFICATION_TOKEN) /* one-time token of a verification */       \
	X(ERR_ADDRESS_TOKEN)      /* … of a change of address */             \
	X(ERR_LIMITED)            /* a rate limit refused the call */          \
	/* What the machine says. */                                           \
	X(ERR_UNAVAILABLE) /* the database: away, slow or refusing */          \
	X(ERR_INTERNAL)    /* a library or the system failed */

#define ERR_ENUM(name) name,
enum err {
	ERR_TABLE(ERR_ENUM)
};
#undef ERR_ENUM

/* Put before a prototype whose result must not be dropped. */
#define MUST_USE __attribute__((warn_unused_result))

/* The name of e as written above, for logs; a constant string. */
const char *err_name(enum err e);

#endif
