/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_CONFIG_H
#define PLATFORM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "platform/options.h"

/*
 * The configuration: one INI-style file of `name = value` lines ('#' starts
 * a comment line, a section header in brackets is only a heading), over
 * which POSTERN_NAME in the environment wins.  CONFIG_TABLE (options.h) is the
 * one place that knows an option: it makes the struct, the parser, the bounds,
 * the dump of `posternd -T`, and scripts/check-config.sh holds postern.conf(5)
 * and the sample file against it.
 *
 *   X(TYPE, name, default, least, most, what it is)
 *
 * TYPE       in the file            in the struct
 * TEXT       anything               const char *
 * PATH       an absolute path or "" const char *
 * COUNT      a whole number         int64_t
 * SECONDS    30, 30s, 15m, 24h, 30d int64_t (seconds)
 * SWITCH     on | off               bool
 * RATE       N/period, 5/1m         struct rate
 * URL        http(s)://host[:port]  const char *, no slash at its end
 * ADDRESS    an e-mail address      const char *
 * LOGLEVEL   error|warn|info|debug  int64_t (enum log_level)
 * SMTPTLS    none|starttls          int64_t (enum smtp_tls)
 * CONFLICT   tell|hide              int64_t (enum conflict)
 *
 * Bounds are lengths in bytes for all that is a string, the value (a rate's
 * count) for the others; "" is no bound.  No value holds a control character
 * or a blank at its ends, so config_dump() loses nothing.
 */
struct rate {
	int64_t count;  /* calls … */
	int64_t period; /* … in so many seconds */
};

enum smtp_tls {
	SMTP_TLS_NONE,
	SMTP_TLS_STARTTLS, /* required, certificate and host checked */
};

enum conflict {
	CONFLICT_TELL, /* who has an account, at registration */
	CONFLICT_HIDE,
};

#define CONFIG_C_TEXT const char *
#define CONFIG_C_PATH const char *
#define CONFIG_C_URL const char *
#define CONFIG_C_ADDRESS const char *
#define CONFIG_C_COUNT int64_t
#define CONFIG_C_SECONDS int64_t
#define CONFIG_C_LOGLEVEL int64_t
#define CONFIG_C_SMTPTLS int64_t
#define CONFIG_C_CONFLICT int64_t
#define CONFIG_C_SWITCH bool
#define CONFIG_C_RATE struct rate

#define CONFIG_MEMBER(TYPE, name, standard, least, most, help)                 \
	CONFIG_C_##TYPE name;
struct config {
	CONFIG_TABLE(CONFIG_MEMBER)
};
#undef CONFIG_MEMBER

/*
 * The configuration in force.  Only the supervisor ever sets it again, when
 * it reloads: what it forks from then on has the new one, and each child
 * keeps to its end the one it was forked with.
 */
extern const struct config *conf;

/*
 * Told each problem: line is 0 where none applies (file is then "-" or the
 * environment variable's name).  what says what is wrong and what to do.
 */
typedef void config_report(void *arg, bool fatal, const char *file, int line,
    const char *what);

/*
 * Reads the file at path, then environ.  All problems are reported, not only
 * the first; unknown options are fatal in the file and a warning in the
 * environment.  Returns NULL when anything fatal was reported.  Does not
 * touch conf.
 */
struct config *config_load(const char *path, config_report *report, void *arg);

/* Frees *cp and sets it to NULL; never the one conf points to. */
void config_free(struct config **cp);

/* Writes every option with its value, in a form config_load() reads. */
void config_dump(const struct config *c, FILE *out);

/*
 * Whether public_url is http on a loopback host (127/8, [::1], localhost):
 * the one case in which cookies go without Secure.
 */
bool config_is_local_http(const struct config *c);

/*
 * The content of a secret's file, without its last line end, in memory of
 * malloc's that the caller wipes and frees; NULL with a sentence in *why (a
 * constant string) when it cannot be read, is empty, over 4 KiB, or readable
 * for group or others.
 */
char *config_read_secret(const char *path, const char **why);

#endif
