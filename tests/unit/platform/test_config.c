/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/config.h"
#include "platform/log.h"
#include "tests/test.h"

/*
 * The configuration as an operator meets it: what a file may say, where a
 * mistake is reported and in which words, and that the dump is a file again.
 */
#define SITE "public_url = https://a.example\n"
#define SENDER "mail_from = postern@a.example\n"

#define PATH_PATTERN "/tmp/postern-test-config-XXXXXX"

static char path[] = PATH_PATTERN;
static char reports[8192]; /* "fatal file:line what" a line */
static int fatals, warnings;

static void
note(void *arg, bool fatal, const char *file, int line, const char *what)
{
	size_t n = strlen(reports);

	ck_assert_ptr_eq(arg, reports);
	(void)snprintf(reports + n, sizeof reports - n, "%s %s:%d %s\n",
	    fatal ? "fatal" : "warning",
	    strcmp(file, path) == 0 ? "FILE" : file, line, what);
	*(fatal ? &fatals : &warnings) += 1;
}

static void
write_file(const char *text, size_t n)
{
	int fd;

	memcpy(path, PATH_PATTERN, sizeof path);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
	ck_assert_int_eq(close(fd), 0);
}

static struct config *
load_bytes(const char *text, size_t n)
{
	struct config *c;

	write_file(text, n);
	reports[0] = '\0';
	fatals = warnings = 0;
	c = config_load(path, note, reports);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_msg((c == NULL) == (fatals > 0), "%s", reports);
	return c;
}

static struct config *
load(const char *text)
{
	return load_bytes(text, strlen(text));
}

START_TEST(defaults_are_those_of_the_table)
{
	struct config *c = load(SITE SENDER);

	ck_assert_str_eq(reports, "");
	ck_assert_str_eq(c->public_url, "https://a.example");
	ck_assert_str_eq(c->site_name, "Postern");
	ck_assert_int_eq(c->web_workers, 4);
	ck_assert_int_eq(c->access_token_lifetime, 900);
	ck_assert_int_eq(c->refresh_token_lifetime, 2592000);
	ck_assert_int_eq(c->limit_login.count, 5);
	ck_assert_int_eq(c->limit_login.period, 60);
	ck_assert_int_eq(c->limit_forgot.period, 3600);
	ck_assert(c->database_prepare);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(c->smtp_tls, SMTP_TLS_NONE);
	ck_assert_str_eq(c->pid_file, "");
	config_free(&c);
	ck_assert_ptr_null(c);
	config_free(&c);
}
END_TEST

START_TEST(a_file_may_be_laid_out_freely)
{
	struct config *c = load("# a comment\r\n\r\n[site]\r\n"
				"  public_url=https://a.example/  \n" SENDER
				"\tsite_name =  A & B = # C  \n"
				"   # another = comment\n"
				"database_prepare = off\n"
				"smtp_tls = starttls");

	ck_assert_str_eq(reports, "");
	ck_assert_str_eq(c->site_name, "A & B = # C");
	ck_assert(!c->database_prepare);
	ck_assert_int_eq(c->smtp_tls, SMTP_TLS_STARTTLS);
	config_free(&c);
}
END_TEST

/* One mistake a row; the report's place and a word of its remedy. */
static const struct {
	const char *text, *place, *word;
} mistakes[] = {
	{ "", "FILE:0", "public_url is not set" },
	{ "public_url =\n", "FILE:0", "public_url is not set" },
	{ "public_url = a.example\n", "FILE:1", "write http(s)://host" },
	{ "public_url = http://a.example\n", "FILE:0", "in the clear" },
	{ SITE "\n\nnonsense\n", "FILE:4", "name = value" },
	{ SITE "[half\n", "FILE:2", "name = value" },
	{ SITE "sight_name = x\n", "FILE:2", "postern.conf(5)" },
	{ SITE "= x\n", "FILE:2", "no option" },
	{ SITE "site_name = x\nsite_name = x\n", "FILE:3", "line 2 already" },
	{ SITE "site_name =\n", "FILE:2", "1 characters or more" },
	{ SITE "site_name = a\x1b[0m\n", "FILE:2", "control character" },
	{ SITE "site_name = \xfc\n", "FILE:2", "UTF-8" },
	{ SITE "web_workers = 0\n", "FILE:2", "write 1 or more" },
	{ SITE "web_workers = 257\n", "FILE:2", "write 256 or less" },
	{ SITE "web_workers = four\n", "FILE:2", "a whole number" },
	{ SITE "web_workers = -4\n", "FILE:2", "a whole number" },
	{ SITE "web_workers = 99999999999999999999\n", "FILE:2", "whole" },
	{ SITE "request_timeout = 0\n", "FILE:2", "write 1s or more" },
	{ SITE "request_timeout = 301\n", "FILE:2", "write 5m or less" },
	{ SITE "request_timeout = 5 m\n", "FILE:2", "such as 30s" },
	{ SITE "request_timeout = 5min\n", "FILE:2", "such as 30s" },
	{ SITE "request_timeout = 900000000d\n", "FILE:2", "such as 30s" },
	{ SITE "limit_login = 5\n", "FILE:2", "such as 5/1m" },
	{ SITE "limit_login = 5/0\n", "FILE:2", "such as 5/1m" },
	{ SITE "limit_login = 0/1m\n", "FILE:2", "write 1 or more" },
	{ SITE "database_prepare = yes\n", "FILE:2", "on or off" },
	{ SITE "log_level = loud\n", "FILE:2", "error, warn, info" },
	{ SITE "smtp_tls = tls\n", "FILE:2", "none or starttls" },
	{ SITE "registration_conflict = off\n", "FILE:2", "tell or hide" },
	{ SITE "key_rotation = 1d\n", "FILE:2", "2d" },
	{ SITE "pid_file = run/pid\n", "FILE:2", "absolute path" },
	{ SITE "key_file =\n", "FILE:2", "1 characters or more" },
	{ SITE "mail_from = postern\n", "FILE:2", "e-mail address" },
	{ SITE "mail_from = A <a@b>\n", "FILE:2", "e-mail address" },
	{ SITE "mail_from =\n", "FILE:2", "e-mail address" },
	{ SITE "database = dbname=x password=y\n", "FILE:0", "password_file" },
	{ SITE "database = dbname=x password = y\n", "FILE:0",
	    "password_file" },
	{ SITE "database = password='a b' dbname=x\n", "FILE:0",
	    "password_file" },
	{ SITE "database = dbname=x sslpassword=y\n", "FILE:0",
	    "password_file" },
	{ SITE "database = postgresql://u:p@h/x\n", "FILE:0", "password_file" },
	{ SITE "database = postgresql://h/x?password=p\n", "FILE:0",
	    "password_file" },
	{ SITE "cookie_domain = a b.example\n", "FILE:0", "is no domain" },
	{ SITE "cookie_domain = a.example; Path=/x\n", "FILE:0",
	    "is no domain" },
	{ SITE "cookie_domain = .a.example\n", "FILE:0", "without a dot" },
	{ SITE "cookie_domain = example\n", "FILE:0", "is no domain" },
	{ SITE "cookie_domain = b.a.example\n", "FILE:0", "does not cover" },
	{ SITE "cookie_domain = other.example\n", "FILE:0", "does not cover" },
	{ "public_url = http://login.localhost.example\n"
	  "cookie_domain = localhost.example\n",
	    "FILE:0", "in the clear" },
	{ "public_url = http://127.0.0.1:8080\ncookie_domain = a.example\n",
	    "FILE:0", "needs a public_url with https" },
	{ SITE "smtp_user = x\n", "FILE:0", "smtp_password_file" },
	{ SITE "smtp_password_file = /x\n", "FILE:0", "smtp_user" },
	{ SITE "smtp_host = ::1\n", "FILE:0", "an IPv4 address" },
	{ SITE "smtp_host = [2001:db8::1]\nsmtp_tls = starttls\n", "FILE:0",
	    "an IPv4 address" },
	{ SITE "smtp_host = localhost:25\nsmtp_tls = starttls\n", "FILE:0",
	    "smtp_port" },
};

START_TEST(a_mistake_is_told_with_its_place_and_remedy)
{
	char start[32];

	ck_assert_ptr_null(load(mistakes[_i].text));
	ck_assert_int_eq(fatals, 1);
	(void)snprintf(start, sizeof start, "fatal %s ", mistakes[_i].place);
	ck_assert_msg(strncmp(reports, start, strlen(start)) == 0, "%s",
	    reports);
	ck_assert_msg(strstr(reports, mistakes[_i].word) != NULL, "%s",
	    reports);
}
END_TEST

START_TEST(all_mistakes_are_told_at_once)
{
	ck_assert_ptr_null(load("web_workers = x\nnonsense = 1\n"
				"log_level = x\n"));
	ck_assert_int_eq(fatals, 4);
	ck_assert_ptr_nonnull(strstr(reports, "FILE:1 web_workers"));
	ck_assert_ptr_nonnull(strstr(reports, "FILE:2 "));
	ck_assert_ptr_nonnull(strstr(reports, "FILE:3 log_level"));
	ck_assert_ptr_nonnull(strstr(reports, "public_url"));
}
END_TEST

START_TEST(a_file_that_is_no_text_is_refused)
{
	static const char text[] = SITE "site_name = a\0b\n";

	ck_assert_ptr_null(load_bytes(text, sizeof text - 1));
	ck_assert_ptr_nonnull(strstr(reports, "FILE:2 holds a NUL byte"));
}
END_TEST

START_TEST(a_file_that_is_missing_is_told)
{
	ck_assert_ptr_null(config_load("/nonexistent/x", note, reports));
	ck_assert_ptr_nonnull(strstr(reports, "fatal /nonexistent/x:0 "));
	ck_assert_ptr_nonnull(strstr(reports, "No such file"));
}
END_TEST

START_TEST(a_relay_elsewhere_without_tls_is_a_warning)
{
	struct config *c = load(SITE SENDER "smtp_host = mail.example\n");

	ck_assert_int_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(reports, "smtp_tls = starttls"));
	config_free(&c);
	c = load(SITE SENDER "smtp_host = mail.example\nsmtp_tls = starttls\n");
	ck_assert_int_eq(warnings, 0);
	config_free(&c);
}
END_TEST

static const struct {
	const char *text;
	int warnings;
} senders[] = {
	{ SITE, 1 }, /* the default is localhost */
	{ SITE "mail_from = no-reply@LocalHost\n", 1 },
	{ SITE SENDER, 0 },
	{ SITE "mail_from = postern@localhost.example\n", 0 },
	{ "public_url = http://localhost:8080\n", 0 },
	{ "public_url = https://localhost\n", 1 },
};

START_TEST(a_sender_at_localhost_is_a_warning)
{
	struct config *c = load(senders[_i].text);

	ck_assert_int_eq(warnings, senders[_i].warnings);
	ck_assert_int_eq(strstr(reports, "mail_from") != NULL,
	    senders[_i].warnings);
	config_free(&c);
}
END_TEST

/* None of these brings one along. */
static const char *const databases[] = { "postern", "dbname=password",
	"dbname=x password=''", "dbname=x passfile=/etc/postern/pgpass",
	"postgresql://u@h:5432/x", "postgresql://h/x?application_name=a@b:c",
	"application_name='password=x' dbname=y", "dbname=" };

START_TEST(a_database_without_a_password_will_do)
{
	struct config *c;

	setenv("POSTERN_DATABASE", databases[_i], 1);
	c = load(SITE);
	ck_assert_msg(c != NULL, "%s", reports);
	config_free(&c);
}
END_TEST

static const char *const shared[] = { "a.example", "A.Example" };

START_TEST(a_domain_of_the_site_s_own_may_share_the_cookie)
{
	struct config *c;

	setenv("POSTERN_COOKIE_DOMAIN", shared[_i], 1);
	c = load(SITE);
	ck_assert_msg(c != NULL, "%s", reports);
	config_free(&c);
	c = load("public_url = https://login.a.example:8443\n");
	ck_assert_msg(c != NULL, "%s", reports);
	config_free(&c);
}
END_TEST

START_TEST(the_environment_wins)
{
	struct config *c;

	setenv("POSTERN_SITE_NAME", "  From outside ", 1);
	setenv("POSTERN_PUBLIC_URL", "https://b.example", 1);
	c = load(SITE SENDER "site_name = From the file\n");
	ck_assert_str_eq(reports, "");
	ck_assert_str_eq(c->site_name, "From outside");
	ck_assert_str_eq(c->public_url, "https://b.example");
	config_free(&c);
}
END_TEST

START_TEST(a_mistake_in_the_environment_names_the_variable)
{
	setenv("POSTERN_WEB_WORKERS", "none", 1);
	ck_assert_ptr_null(load(SITE));
	ck_assert_ptr_nonnull(
	    strstr(reports, "fatal POSTERN_WEB_WORKERS:0 web_workers"));
}
END_TEST

static const char *const strangers[] = { "POSTERN_SOURCE", "POSTERN_",
	"POSTERN_site_name", "POSTERN_SITE_NAMES" };

START_TEST(unknown_variables_are_warnings)
{
	struct config *c;

	setenv(strangers[_i], "x", 1);
	c = load(SITE SENDER);
	ck_assert_int_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(reports, strangers[_i]));
	config_free(&c);
}
END_TEST

START_TEST(http_is_for_loopback)
{
	struct config *c = load("public_url = http://localhost:8080/\n");

	ck_assert_str_eq(c->public_url, "http://localhost:8080");
	ck_assert(config_is_local_http(c));
	config_free(&c);
	c = load(SITE);
	ck_assert(!config_is_local_http(c));
	config_free(&c);
}
END_TEST

static char *
dump(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	config_dump(c, out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

START_TEST(the_dump_reads_back)
{
	struct config *c = load(SITE SENDER "refresh_grace = 0\n"
					    "request_timeout = 90\n"
					    "limit_login = 7/36h\n"
					    "database_prepare = off\n"
					    "log_level = debug\n"
					    "smtp_tls = starttls\n"
					    "site_name = \xc3\x9c = #1\n");
	char *first = dump(c), *second;

	ck_assert_ptr_nonnull(strstr(first, "\nrefresh_grace = 0s\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nrequest_timeout = 90s\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nlimit_login = 7/36h\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nlimit_register = 20/1h\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nreset_lifetime = 1h\n"));
	ck_assert_ptr_nonnull(strstr(first, "\npid_file = \n"));
	config_free(&c);

	c = load(first);
	ck_assert_str_eq(reports, "");
	second = dump(c);
	ck_assert_str_eq(first, second);
	config_free(&c);
	free(first);
	free(second);
}
END_TEST

static const struct {
	const char *content;
	mode_t mode;
	const char *want, *why; /* one of them NULL */
} secrets[] = {
	{ "abc\n", 0600, "abc", NULL },
	{ "abc", 0400, "abc", NULL },
	{ "abc\r\n", 0600, "abc", NULL },
	{ " a b \n\n", 0600, " a b \n", NULL },
	{ "", 0600, NULL, "is empty" },
	{ "\n", 0600, NULL, "is empty" },
	{ "abc\n", 0640, NULL, "chmod 0600" },
	{ "abc\n", 0604, NULL, "chmod 0600" },
	{ "abc\n", 0620, NULL, "chmod 0600" },
};

START_TEST(secrets_are_read_if_they_are_kept)
{
	const char *why = NULL;
	char *secret;

	write_file(secrets[_i].content, strlen(secrets[_i].content));
	ck_assert_int_eq(chmod(path, secrets[_i].mode), 0);
	secret = config_read_secret(path, &why);
	unlink(path);
	if (secrets[_i].want != NULL) {
		ck_assert_str_eq(secret, secrets[_i].want);
		free(secret);
		return;
	}
	ck_assert_ptr_null(secret);
	ck_assert_ptr_nonnull(strstr(why, secrets[_i].why));
}
END_TEST

START_TEST(what_is_no_secret_is_refused)
{
	static char much[4097];
	const char *why = NULL;

	ck_assert_ptr_null(config_read_secret("/nonexistent", &why));
	ck_assert_ptr_nonnull(strstr(why, "cannot be opened"));
	ck_assert_ptr_null(config_read_secret("/tmp", &why));
	ck_assert_ptr_nonnull(strstr(why, "regular file"));

	write_file("a\0b", 3);
	ck_assert_ptr_null(config_read_secret(path, &why));
	ck_assert_ptr_nonnull(strstr(why, "NUL byte"));
	unlink(path);

	memset(much, 'x', sizeof much);
	write_file(much, sizeof much);
	ck_assert_ptr_null(config_read_secret(path, &why));
	ck_assert_ptr_nonnull(strstr(why, "4096"));
	unlink(path);
}
END_TEST

/* make check has variables of its own under our prefix. */
static void
forget_environment(void)
{
	char name[64];
	char **v = environ;

	while (*v != NULL) {
		if (strncmp(*v, "POSTERN_", 8) != 0) {
			v++;
			continue;
		}
		(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(*v, "="),
		    *v);
		(void)unsetenv(name);
		v = environ;
	}
}

int
main(void)
{
	const struct test_case suite[] = {
		{ "defaults", defaults_are_those_of_the_table, 0 },
		{ "layout", a_file_may_be_laid_out_freely, 0 },
		{ "mistakes", a_mistake_is_told_with_its_place_and_remedy,
		    ROWS(mistakes) },
		{ "all mistakes", all_mistakes_are_told_at_once, 0 },
		{ "no text", a_file_that_is_no_text_is_refused, 0 },
		{ "missing", a_file_that_is_missing_is_told, 0 },
		{ "relay", a_relay_elsewhere_without_tls_is_a_warning, 0 },
		{ "sender", a_sender_at_localhost_is_a_warning, ROWS(senders) },
		{ "database", a_database_without_a_password_will_do,
		    ROWS(databases) },
		{ "cookie domain",
		    a_domain_of_the_site_s_own_may_share_the_cookie,
		    ROWS(shared) },
		{ "environment", the_environment_wins, 0 },
		{ "environment mistake",
		    a_mistake_in_the_environment_names_the_variable, 0 },
		{ "strangers", unknown_variables_are_warnings,
		    ROWS(strangers) },
		{ "http", http_is_for_loopback, 0 },
		{ "dump", the_dump_reads_back, 0 },
		{ "secrets", secrets_are_read_if_they_are_kept, ROWS(secrets) },
		{ "no secrets", what_is_no_secret_is_refused, 0 },
	};

	forget_environment();
	return test_main("config", suite, ROWS(suite));
}
