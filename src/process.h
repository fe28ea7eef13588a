/* SPDX-License-Identifier: ISC */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain/unit.h"

struct config;
struct templates;

/*
 * What every child of the supervisor is made of.  The kind decides its
 * system user, its database role, its secrets and its niceness; the table in
 * process.c is the whole of the privilege separation.
 */
enum process_kind {
	PROCESS_WEB,
	PROCESS_PASSWORD,
	PROCESS_MAILER,
	PROCESS_JANITOR,
};

struct process {
	enum process_kind kind;
	struct arena *mem;
	struct db *db;
	struct key_ring keys; /* zero where the kind has none */
	char *smtp_password; /* NULL where it has none; the process's to wipe */
	struct unit unit;    /* ready for use; its now is the caller's to set */
};

/* The kind's name: "web", "password", "mailer", "janitor". */
const char *process_name(enum process_kind kind);

/* In the process that is about to fork children: they end with it. */
void process_supervise(void);

/*
 * Called right after fork: names the log, closes every inherited descriptor
 * but keep_fd (-1 for none), blocks SIGTERM and SIGINT, ignores SIGHUP and
 * SIGUSR2, which are the supervisor's business, opens the kind's secrets, and
 * only then gives up what it does not need (sandbox_child).  Ends the process
 * when a step fails; before it returns, no foreign byte was read.
 */
void process_start(struct process *p, enum process_kind kind, int keep_fd);

/*
 * Loads the templates of c for the children to come, which share them with
 * the supervisor: parsed once, and the same for all until the next reload.
 * False when they cannot be used, which the log then explains line by line;
 * those of before stay.
 */
bool process_load_templates(const struct config *c) MUST_USE;

/* What was loaded before the fork. */
const struct templates *process_templates(void);

/*
 * The signals to let through while waiting: what process_start() blocked, and
 * none once the process is stopping, so that it is interrupted once only.
 */
const sigset_t *process_unblocked(void);

/*
 * What a child shows its supervisor, in memory that the two share with nobody
 * else: by when (clock_steady_ms()) it will have set this anew, or else be
 * taken for hung and replaced; 0 while it waits for work.
 */
struct watchdog {
	_Atomic int64_t due;
};

/* Right after fork, in a child that has one. */
void process_set_watchdog(struct watchdog *w);

/* What begins now takes at most ms; 0 is the waiting for work, which may take
 * as long as it likes. */
void process_watchdog(int64_t ms);

/* The same for a step of mailer or janitor, which also waits for the database:
 * at most its budget, which is not in ms. */
void process_step(const struct process *p, int64_t ms);

/* Whether SIGTERM or SIGINT came: finish what runs and leave. */
bool process_stopping(void);

/* Stops by itself, as a signal would. */
void process_stop(void);

#endif
