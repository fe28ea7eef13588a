/* SPDX-License-Identifier: ISC */
#include "platform/option.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/must.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/url.h"

/*
 * How the value of an option is read and written, a type at a time.  What is
 * written reads back as the same value: `posternd -T` is a configuration.
 */

/* Far above any use, and far below where sums and products overflow. */
#define NUMBER_MAX 1000000000

static const struct period {
	char letter;
	int64_t seconds;
} periods[] = {
	{ 'd', 86400 },
	{ 'h', 3600 },
	{ 'm', 60 },
	{ 's', 1 },
};
#define PERIODS (sizeof periods / sizeof *periods)

/* The number at *s, which is moved behind it; -1 if none or too large. */
static int64_t
take_number(const char **s)
{
	int64_t n = 0;

	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if ((n = n * 10 + (**s - '0')) > NUMBER_MAX)
			return -1;
	}
	return n;
}

/* A text that is nothing but a time, in seconds; or -1. */
static int64_t
duration(const char *s)
{
	int64_t n = take_number(&s);

	if (n < 0 || *s == '\0')
		return n;
	for (size_t i = 0; i < PERIODS; i++) {
		if (*s == periods[i].letter && s[1] == '\0')
			n *= periods[i].seconds, s++;
	}
	return *s == '\0' && n <= NUMBER_MAX ? n : -1;
}

int64_t
option_bound(const char *text)
{
	return duration(text);
}

static void
print_duration(int64_t seconds, FILE *out)
{
	size_t i = seconds == 0 ? PERIODS - 1 : 0;

	while (seconds % periods[i].seconds != 0)
		i++;
	(void)fprintf(out, "%" PRId64 "%c", seconds / periods[i].seconds,
	    periods[i].letter);
}

/* Strings. ---------------------------------------------------------------- */

static void
print_string(const void *slot, FILE *out)
{
	(void)fputs(*(const char *const *)slot, out);
}

static int64_t
size_of_string(const void *slot)
{
	return (int64_t)strlen(*(const char *const *)slot);
}

static const char *
read_text(void *slot, const char *text)
{
	const char *copy = strdup(text);

	must(copy != NULL);
	*(const char **)slot = copy;
	return NULL;
}

static const char *
read_path(void *slot, const char *text)
{
	if (text[0] != '/' && text[0] != '\0')
		return "an absolute path (it begins with a slash)";
	return read_text(slot, text);
}

/* Empty is no address yet; config.c says which options must not stay so. */
static const char *
read_url(void *slot, const char *text)
{
	const char *origin;

	if (text[0] == '\0')
		return read_text(slot, text);
	if ((origin = url_origin(text)) == NULL)
		return "http(s)://host or http(s)://host:port, without a path"
		       " (a host beyond ASCII in its xn-- form)";
	*(const char **)slot = origin;
	return NULL;
}

/* Our own sender; those of accounts are judged by domain/address.c. */
static const char *
read_address(void *slot, const char *text)
{
	const char *at = strchr(text, '@');
	bool sound = at != NULL && at != text && at[1] != '\0' &&
	    strchr(at + 1, '@') == NULL && strlen(text) <= 254 &&
	    strpbrk(text, " \"(),:;<>[\\]") == NULL &&
	    utf8_length(text, strlen(text)) == (int)strlen(text);

	return sound ? read_text(slot, text) :
		       "an e-mail address such as postern@example.org";
}

#define STRING_TYPE(reader)                                                    \
	{                                                                      \
		.read = (reader), .print = print_string,                       \
		.size = size_of_string, .width = sizeof(char *), .owned = true \
	}
const struct option_type option_type_TEXT = STRING_TYPE(read_text);
const struct option_type option_type_PATH = STRING_TYPE(read_path);
const struct option_type option_type_URL = STRING_TYPE(read_url);
const struct option_type option_type_ADDRESS = STRING_TYPE(read_address);

/* Numbers. ---------------------------------------------------------------- */

static int64_t
size_of_number(const void *slot)
{
	return *(const int64_t *)slot;
}

static const char *
read_count(void *slot, const char *text)
{
	int64_t n = take_number(&text);

	if (n < 0 || *text != '\0')
		return "a whole number";
	*(int64_t *)slot = n;
	return NULL;
}

static void
print_count(const void *slot, FILE *out)
{
	(void)fprintf(out, "%" PRId64, *(const int64_t *)slot);
}

const struct option_type option_type_COUNT = {
	.read = read_count,
	.print = print_count,
	.size = size_of_number,
	.width = sizeof(int64_t),
};

static const char *
read_seconds(void *slot, const char *text)
{
	int64_t n = duration(text);

	if (n < 0)
		return "a time such as 30s, 15m, 24h or 30d";
	*(int64_t *)slot = n;
	return NULL;
}

static void
print_seconds(const void *slot, FILE *out)
{
	print_duration(*(const int64_t *)slot, out);
}

const struct option_type option_type_SECONDS = {
	.read = read_seconds,
	.print = print_seconds,
	.size = size_of_number,
	.width = sizeof(int64_t),
};

static const char *
read_rate(void *slot, const char *text)
{
	struct rate rate = { .count = take_number(&text) };

	rate.period = *text == '/' ? duration(text + 1) : -1;
	if (rate.count < 0 || rate.period < 1)
		return "a number of calls in a time, such as 5/1m";
	*(struct rate *)slot = rate;
	return NULL;
}

static void
print_rate(const void *slot, FILE *out)
{
	const struct rate *rate = slot;

	(void)fprintf(out, "%" PRId64 "/", rate->count);
	print_duration(rate->period, out);
}

static int64_t
size_of_rate(const void *slot)
{
	return ((const struct rate *)slot)->count;
}

const struct option_type option_type_RATE = {
	.read = read_rate,
	.print = print_rate,
	.size = size_of_rate,
	.width = sizeof(struct rate),
};

/* Words. ------------------------------------------------------------------ */

/* The word's place in the list, which NULL ends; or -1. */
static int
find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
	}
	return -1;
}

static const char *const switch_words[] = { "off", "on", NULL };

static const char *
read_switch(void *slot, const char *text)
{
	int i = find_word(switch_words, text);

	if (i < 0)
		return "on or off";
	*(bool *)slot = i == 1;
	return NULL;
}

static void
print_switch(const void *slot, FILE *out)
{
	(void)fputs(switch_words[*(const bool *)slot ? 1 : 0], out);
}

static int64_t
size_of_switch(const void *slot)
{
	return *(const bool *)slot ? 1 : 0;
}

const struct option_type option_type_SWITCH = {
	.read = read_switch,
	.print = print_switch,
	.size = size_of_switch,
	.width = sizeof(bool),
};

static const char *const level_words[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

static const char *
read_loglevel(void *slot, const char *text)
{
	int i = find_word(level_words, text);

	if (i < 0)
		return "one of error, warn, info and debug";
	*(int64_t *)slot = i;
	return NULL;
}

static void
print_loglevel(const void *slot, FILE *out)
{
	(void)fputs(level_words[*(const int64_t *)slot], out);
}

const struct option_type option_type_LOGLEVEL = {
	.read = read_loglevel,
	.print = print_loglevel,
	.size = size_of_number,
	.width = sizeof(int64_t),
};

static const char *const tls_words[] = {
	[SMTP_TLS_NONE] = "none",
	[SMTP_TLS_STARTTLS] = "starttls",
	NULL,
};

static const char *
read_smtptls(void *slot, const char *text)
{
	int i = find_word(tls_words, text);

	if (i < 0)
		return "none or starttls";
	*(int64_t *)slot = i;
	return NULL;
}

static void
print_smtptls(const void *slot, FILE *out)
{
	(void)fputs(tls_words[*(const int64_t *)slot], out);
}

const struct option_type option_type_SMTPTLS = {
	.read = read_smtptls,
	.print = print_smtptls,
	.size = size_of_number,
	.width = sizeof(int64_t),
};

static const char *const conflict_words[] = {
	[CONFLICT_TELL] = "tell",
	[CONFLICT_HIDE] = "hide",
	NULL,
};

static const char *
read_conflict(void *slot, const char *text)
{
	int i = find_word(conflict_words, text);

	if (i < 0)
		return "tell or hide";
	*(int64_t *)slot = i;
	return NULL;
}

static void
print_conflict(const void *slot, FILE *out)
{
	(void)fputs(conflict_words[*(const int64_t *)slot], out);
}

const struct option_type option_type_CONFLICT = {
	.read = read_conflict,
	.print = print_conflict,
	.size = size_of_number,
	.width = sizeof(int64_t),
};
