/* SPDX-License-Identifier: ISC */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

struct config;

/*
 * The supervisor: sockets, children, signals.  It reads no foreign byte,
 * runs no SQL and opens no secret.
 *
 * SIGTERM and SIGINT end everything, requests finished first; SIGHUP reads
 * the configuration at conf_path again and replaces all children by new ones
 * while the old finish; SIGUSR2 does the same with the program that now lies
 * in this one's place (replace.h).  Takes c, which becomes conf.  Returns the
 * exit status.
 */
int supervisor_run(struct config *c, const char *conf_path);

#endif
