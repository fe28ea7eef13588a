/* SPDX-License-Identifier: ISC */
/* GET /brand.css: the stylesheet in the operator's colour, where there is
 * one; pages link to it by what is in it. */
#include "handlers/call.h"
#include "render/template.h"

enum err
brand_css_get(struct call *c)
{
	size_t n;
	const char *css = templates_brand_css(c->templates, &n);

	if (css == NULL)
		return ERR_NOT_FOUND;
	response_public(c->res, "text/css; charset=utf-8",
	    "public, max-age=31536000, immutable", css, n);
	return OK;
}
