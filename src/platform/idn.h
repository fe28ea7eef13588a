/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_IDN_H
#define PLATFORM_IDN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the lower-case A-label form of a UTF-8 domain (UTS #46,
 * non-transitional, STD3 rules; libidn2) to out.  False when there is none
 * or it does not fit size.  Empty labels pass the library: the caller looks.
 */
bool idn_to_ascii(char *out, size_t size, const char *domain);

#endif
