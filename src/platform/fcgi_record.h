/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_FCGI_RECORD_H
#define PLATFORM_FCGI_RECORD_H

#include <stddef.h>

/*
 * What the first bytes of a FastCGI connection are, found without reading
 * them off it.  libfcgi waits without end for the rest of a record, believes
 * the lengths it is told (a large one ends in its assert) and mistakes the
 * padding of an empty record for the next one; so it only ever gets what was
 * found sound here.
 */
#define FCGI_PEEK_MAX 131072  /* the bytes that are looked at */
#define FCGI_PARAMS_MAX 65536 /* names, values and their lengths */
#define FCGI_BODY_WAIT 32768  /* a longer body is not waited for */

enum fcgi_look {
	FCGI_MORE,   /* sound so far, not all there */
	FCGI_WHOLE,  /* one whole request */
	FCGI_LARGE,  /* whole parameters, and a body to be refused */
	FCGI_BROKEN, /* nothing for us: close it */
};

/*
 * Judges n bytes, from the first of the connection.  A request is BEGIN of a
 * responder, PARAMS up to the empty one, STDIN up to the empty one, all under
 * one id, and nothing between them.  What follows it is not looked at.
 */
enum fcgi_look fcgi_look(const void *p, size_t n);

#endif
