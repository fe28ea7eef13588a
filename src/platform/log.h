/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_LOG_H
#define PLATFORM_LOG_H

/*
 * One line an event on standard error: time, level, process, the event's
 * name, then key=value pairs, so that both eyes and grep can read it:
 *
 *   2026-01-02T03:04:05.678Z info web login.ok request=… account=…
 *
 * Everything but printable ASCII in what a caller formats is escaped, and so
 * are quotes and backslashes, so that no value can forge a line.  A line leaves
 * in one write(). Secrets never reach a log call; tests look for them in the
 * log of a run.
 */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

#define ERROR LOG_LEVEL_ERROR
#define WARN LOG_LEVEL_WARN
#define INFO LOG_LEVEL_INFO
#define DEBUG LOG_LEVEL_DEBUG

/*
 * Names the process in its lines ("supervisor", "web" …) and sets the
 * must() hook.  The name is a constant string.
 */
void log_open(const char *process, enum log_level level);

/* The request id that lines carry from now on; "" for none.  Copied. */
void log_request(const char *id);

/* An event; fmt makes the key=value part and may be "". */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * For a start that cannot succeed: writes the sentence as the error event
 * "fatal" and exits with 1.  Says what is wrong and what to do.
 */
_Noreturn void log_fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

#endif
