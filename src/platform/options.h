/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_OPTIONS_H
#define PLATFORM_OPTIONS_H

/*
 * Every option there is, in the order in which `posternd -T` prints them.
 * platform/config.h explains the columns.
 */
/* clang-format off */
#define CONFIG_TABLE(X) \
X(URL, public_url, "", "", "", "where browsers reach this site; required") \
X(TEXT, site_name, "Postern", "1", "100", "the name pages and mails give the site") \
X(PATH, brand_logo, "", "", "1000", "path of the logo on this site, as /static/logo.svg; empty shows the name") \
X(TEXT, brand_color, "", "", "7", "colour of buttons and links, as #1d5fd1; empty is Postern's own") \
X(TEXT, brand_links, "", "", "2000", "links under pages and mails: Imprint=https://example.org/imprint, Privacy=/privacy") \
X(PATH, runtime_dir, "/run/postern", "1", "90", "folder of web.sock and password.sock") \
X(TEXT, socket_group, "www-data", "", "", "group that may connect to the sockets: nginx's; empty leaves it") \
X(PATH, pid_file, "", "", "", "file for the supervisor's pid; empty for none") \
X(LOGLEVEL, log_level, "info", "", "", "least important events to log") \
X(COUNT, web_workers, "4", "1", "256", "processes of the web pool") \
X(COUNT, password_workers, "0", "0", "256", "processes of the password pool; 0 is one a core") \
X(COUNT, worker_requests, "100000", "1", "", "requests after which a worker makes room for a fresh one") \
X(COUNT, worker_memory, "128", "1", "65536", "MiB of memory that a worker may keep; one that keeps more makes room for a fresh one") \
X(SECONDS, request_timeout, "10s", "1s", "5m", "a request that takes longer loses its worker") \
X(TEXT, user_web, "postern-web", "1", "32", "system user of the web pool, when started as root") \
X(TEXT, user_password, "postern-password", "1", "32", "system user of the password pool") \
X(TEXT, user_mailer, "postern-mailer", "1", "32", "system user of the mailer") \
X(TEXT, user_janitor, "postern-janitor", "1", "32", "system user of the janitor") \
X(TEXT, database, "dbname=postern", "1", "1000", "libpq connection string without user and password") \
X(SWITCH, database_prepare, "on", "", "", "prepared statements; off behind a pooler in transaction mode") \
X(PATH, web_database_password_file, "", "", "", "password of role postern_web; empty for peer authentication") \
X(PATH, password_database_password_file, "", "", "", "password of role postern_password") \
X(PATH, mailer_database_password_file, "", "", "", "password of role postern_mailer") \
X(PATH, janitor_database_password_file, "", "", "", "password of role postern_janitor") \
X(PATH, key_file, "/etc/postern/key", "1", "", "64 hexadecimal digits that seal keys and tokens; the same on all nodes") \
X(SECONDS, key_rotation, "90d", "2d", "3650d", "life of a signing key; the next is published a day before it signs") \
X(COUNT, password_cost, "7", "1", "11", "yescrypt cost: 5 is 16 MiB and 20 ms a hash, each step doubles both") \
X(SECONDS, access_token_lifetime, "15m", "1s", "1d", "life of an access token") \
X(SECONDS, refresh_token_lifetime, "30d", "1s", "365d", "life of a session of the API, not extended by use") \
X(SECONDS, refresh_grace, "10s", "0", "60s", "how long the last refresh token still gives the same next one") \
X(SECONDS, session_lifetime, "30d", "1m", "365d", "life of a browser's session, not extended by use") \
X(SECONDS, session_idle, "7d", "1m", "365d", "a browser's session that nobody used for so long is over") \
X(TEXT, cookie_domain, "", "", "253", "domain whose hosts share the browser's session; empty keeps it to this host") \
X(SECONDS, verification_lifetime, "24h", "1s", "30d", "life of a verification link") \
X(SECONDS, reset_lifetime, "1h", "1s", "1d", "life of a reset link") \
X(SECONDS, unverified_lifetime, "7d", "1h", "365d", "an account never verified goes after this") \
X(CONFLICT, registration_conflict, "tell", "", "", "whether a registration is told that its address has an account (tell), or its owner is mailed (hide)") \
X(RATE, limit_login, "5/1m", "1", "", "logins a client and account together") \
X(RATE, limit_login_minute, "60/1m", "1", "", "logins a client, short") \
X(RATE, limit_login_hour, "300/1h", "1", "", "logins a client, long") \
X(RATE, limit_forgot, "3/1h", "1", "", "reset requests a client") \
X(RATE, limit_forgot_mailbox, "3/1h", "1", "", "reset mails a mailbox") \
X(RATE, limit_resend, "3/1h", "1", "", "verification requests a client") \
X(RATE, limit_resend_mailbox, "3/1h", "1", "", "verification mails a mailbox") \
X(RATE, limit_change_email, "5/1h", "1", "", "changes of address that an account asks for") \
X(RATE, limit_register, "20/1h", "1", "", "registrations a client") \
X(RATE, limit_other, "200/1m", "1", "", "all other calls a client") \
X(PATH, template_dir, POSTERN_TEMPLATE_DIR, "1", "", "folder of the templates Postern brings") \
X(PATH, template_override_dir, "", "", "", "folder of your own, searched first") \
X(PATH, static_dir, POSTERN_STATIC_DIR, "1", "", "folder of the stylesheet and the script, which nginx serves as /static/") \
X(TEXT, smtp_host, "127.0.0.1", "1", "253", "relay that takes the mail") \
X(COUNT, smtp_port, "25", "1", "65535", "its port") \
X(SMTPTLS, smtp_tls, "none", "", "", "starttls demands TLS with a valid certificate for smtp_host") \
X(PATH, smtp_ca_file, "", "", "", "certificates to trust instead of the system's") \
X(TEXT, smtp_user, "", "", "200", "user for SMTP AUTH; empty for none") \
X(PATH, smtp_password_file, "", "", "", "file with the password for SMTP AUTH") \
X(SECONDS, smtp_timeout, "60s", "1s", "10m", "after which an SMTP session is ended") \
X(ADDRESS, mail_from, "postern@localhost", "", "", "sender address of the mails") \
X(SECONDS, mail_retry, "30s", "1s", "1h", "first pause after a failed delivery; doubles up to an hour")
/* clang-format on */

#endif
