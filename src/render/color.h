/* SPDX-License-Identifier: ISC */
#ifndef RENDER_COLOR_H
#define RENDER_COLOR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Colours of sRGB, and how well they can be read on each other (WCAG 2.2,
 * success criterion 1.4.3: text wants a contrast of 4.5).
 */
struct color {
	unsigned char red, green, blue;
};

#define COLOR_TEXT 8 /* bytes of "#rrggbb" */
#define COLOR_CONTRAST 4.5

/* Reads "#rgb" or "#rrggbb"; false when it is neither. */
bool color_parse(struct color *c, const char *text);

/* Writes "#rrggbb" and returns out. */
char *color_text(char out[COLOR_TEXT], struct color c);

/* Between 1 and 21. */
double color_contrast(struct color a, struct color b);

/* Black or white: what reads better on it.  One of them always has at least
 * COLOR_CONTRAST. */
struct color color_on(struct color background);

/* c, made darker or lighter until it can be read as text on background. */
struct color color_readable(struct color c, struct color background);

#endif
