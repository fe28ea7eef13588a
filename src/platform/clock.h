/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include <stdint.h>

/* Wall clock, in milliseconds since 1970, UTC. */
int64_t clock_unix_ms(void);

/* A clock that only goes forward, in milliseconds. */
int64_t clock_steady_ms(void);

#endif
