/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_SELF_H
#define PLATFORM_SELF_H

/* This process: its memory and its name. */

/*
 * Gives back the pages of the program and its libraries that are nothing but
 * their files' content: loading touches many that are never needed again, and
 * what is needed again comes back by itself.
 */
void self_trim(void);

/* Names this process for ps and top: "postern-" and what fits of name. */
void self_name(const char *name);

/* The memory this process has to itself and in use, in KiB; 0 if /proc does
 * not say. */
long self_memory_kib(void);

#endif
