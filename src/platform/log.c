/* SPDX-License-Identifier: ISC */
#include "platform/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

/*
 * A line is put together in a fixed buffer and leaves in one write(), so that
 * the lines of many processes on one descriptor do not mix: LINE_SIZE is what
 * a pipe takes in one piece (PIPE_BUF).  What does not fit is cut and ends in
 * "...".  Nothing is allocated: must() logs from wherever it failed.
 */
#define LINE_SIZE 4096
#define TEXT_SIZE 2048
#define CUT "..."

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *process_name = "postern";
static enum log_level least_level = LOG_LEVEL_INFO;
static char request_id[64];

struct line {
	char data[LINE_SIZE];
	size_t len;
	bool cut;
};

/* Appends n bytes whole or not at all; room for CUT and the end is kept. */
static void
put(struct line *l, const char *s, size_t n)
{
	if (l->cut || n > sizeof l->data - l->len - sizeof CUT) {
		l->cut = true;
		return;
	}
	memcpy(l->data + l->len, s, n);
	l->len += n;
}

/*
 * Appends s with everything but printable ASCII as \xNN: besides control
 * bytes, UTF-8 holds C1 controls and characters that turn the reading
 * direction, and a log is read on terminals.
 */
static void
put_escaped(struct line *l, const char *s)
{
	char escape[8];
	int n;

	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			n = snprintf(escape, sizeof escape, "\\%c", *s);
		else if (*s < ' ' || *s > '~')
			n = snprintf(escape, sizeof escape, "\\x%02x",
			    (unsigned)(unsigned char)*s);
		else
			n = snprintf(escape, sizeof escape, "%c", *s);
		put(l, escape, (size_t)n);
	}
}

static void
put_head(struct line *l, enum log_level level, const char *event)
{
	char head[160];
	struct timespec now;
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	n = strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &tm);
	put(l, head, n);
	(void)snprintf(head, sizeof head, ".%03ldZ %s %.32s %.64s",
	    now.tv_nsec / 1000000, level_names[level], process_name, event);
	put(l, head, strlen(head));
	if (request_id[0] == '\0')
		return;
	put(l, " request=", strlen(" request="));
	put_escaped(l, request_id);
}

static void
write_event(enum log_level level, const char *event, const char *text)
{
	struct line l = { .len = 0 };
	ssize_t n;

	put_head(&l, level, event);
	if (text[0] != '\0')
		put(&l, " ", 1);
	put_escaped(&l, text);
	if (l.cut) {
		memcpy(l.data + l.len, CUT, strlen(CUT));
		l.len += strlen(CUT);
	}
	l.data[l.len++] = '\n';
	/* There is nobody to tell when the log itself fails. */
	do
		n = write(STDERR_FILENO, l.data, l.len);
	while (n < 0 && errno == EINTR);
}

static void
log_bug(const char *what, const char *file, int line, const char *func)
{
	log_event(ERROR, "bug", "must=%s at=%s:%d function=%s", what, file,
	    line, func);
}

void
log_open(const char *process, enum log_level level)
{
	process_name = process;
	least_level = level;
	must_set_hook(log_bug);
}

void
log_request(const char *id)
{
	(void)snprintf(request_id, sizeof request_id, "%s", id);
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	int saved = errno;
	va_list ap;

	if (level > least_level)
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text)
		memcpy(text + sizeof text - sizeof CUT, CUT, sizeof CUT);
	va_end(ap);
	write_event(level, event, text);
	errno = saved;
}

_Noreturn void
log_fatal(const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	write_event(ERROR, "fatal", text);
	exit(1);
}
