/* SPDX-License-Identifier: ISC */
#ifndef TESTS_FCGI_CLIENT_H
#define TESTS_FCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The other side of FastCGI: a web server that can also lie.  A packet is
 * put together record by record, then sent over a socket to the code under
 * test, all in one process: a request that fits the socket's buffer waits
 * there until it is served.
 */
#define PACKET_MAX 400000

struct packet {
	unsigned char data[PACKET_MAX];
	size_t n;
};

#define RECORD_BEGIN 1
#define RECORD_ABORT 2
#define RECORD_PARAMS 4
#define RECORD_STDIN 5

/* Each appends. */
void packet_bytes(struct packet *p, const void *bytes, size_t n);
void packet_record(struct packet *p, int type, const void *content, size_t n);
void packet_begin(struct packet *p);
void packet_param(struct packet *p, const char *name, const char *value);
void packet_end(struct packet *p, int type); /* the empty record */

/* Appends body in records, and the end of STDIN. */
void packet_body(struct packet *p, const char *body, size_t n);

/*
 * Makes *p a whole request.  params is NULL or names and values by turns,
 * ended by NULL; CONTENT_LENGTH comes in front of them unless body is NULL.
 */
void packet_request(struct packet *p, const char *const params[],
    const char *body);

/* A non-blocking listener on a unix socket of its own. */
int client_listen(void);

/* A connection to it; client_send() sends all of a packet over it. */
int client_connect(int listener);
void client_send(int fd, const struct packet *p);

/*
 * Reads until the server closes, gives the STDOUT content as a string in
 * out, and closes fd.  True if END_REQUEST was the last thing to come.
 */
bool client_answer(int fd, char *out, size_t cap);

/* Whether the server has closed fd without a byte. */
bool client_refused(int fd);

#endif
