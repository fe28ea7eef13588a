/* SPDX-License-Identifier: ISC */
/*
 * The arithmetic of contrast.  It is here so that an operator may give any
 * colour and still gets buttons and links that can be read.
 */
#include "render/color.h"

#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/must.h"

static const struct color black = { 0, 0, 0 }, white = { 255, 255, 255 };

bool
color_parse(struct color *c, const char *text)
{
	size_t n = strlen(text), each = n == 4 ? 1 : 2;
	unsigned char parts[3];

	if (*text != '#' || (n != 4 && n != 7))
		return false;
	for (size_t i = 0; i < 3; i++) {
		int high = hex_digit(text[1 + i * each]);
		int low = hex_digit(text[i * each + each]);

		if (high < 0 || low < 0)
			return false;
		parts[i] = (unsigned char)(high * 16 + low);
	}
	*c = (struct color){ parts[0], parts[1], parts[2] };
	return true;
}

char *
color_text(char out[COLOR_TEXT], struct color c)
{
	(void)snprintf(out, COLOR_TEXT, "#%02x%02x%02x", c.red, c.green,
	    c.blue);
	return out;
}

/* The fifth root of 0 < a <= 1, by Newton's way: libm is not linked. */
static double
fifth_root(double a)
{
	double x = 1;

	for (int i = 0; i < 50; i++)
		x -= (x * x * x * x * x - a) / (5 * x * x * x * x);
	return x;
}

/* A part of a colour as light, between 0 and 1 (WCAG, relative luminance). */
static double
light(unsigned char part)
{
	double s = part / 255.0, base = (s + 0.055) / 1.055;

	if (s <= 0.04045)
		return s / 12.92;
	/* base to the power of 2.4 = 12/5 */
	return base * base * fifth_root(base * base);
}

static double
luminance(struct color c)
{
	return 0.2126 * light(c.red) + 0.7152 * light(c.green) +
	    0.0722 * light(c.blue);
}

double
color_contrast(struct color a, struct color b)
{
	double la = luminance(a) + 0.05, lb = luminance(b) + 0.05;

	return la > lb ? la / lb : lb / la;
}

struct color
color_on(struct color background)
{
	bool dark = color_contrast(background, white) >=
	    color_contrast(background, black);
	struct color text = dark ? white : black;

	must(color_contrast(background, text) >= COLOR_CONTRAST);
	return text;
}

static unsigned char
mix_part(unsigned char from, unsigned char to, int percent)
{
	return (unsigned char)((from * (100 - percent) + to * percent) / 100);
}

struct color
color_readable(struct color c, struct color background)
{
	struct color to = color_on(background), mixed = c;

	for (int i = 0; i <= 100; i += 2) {
		mixed = (struct color){ mix_part(c.red, to.red, i),
			mix_part(c.green, to.green, i),
			mix_part(c.blue, to.blue, i) };
		if (color_contrast(mixed, background) >= COLOR_CONTRAST)
			break;
	}
	return mixed;
}
