/* SPDX-License-Identifier: ISC */
/*
 * A small table instead of a parsing library: a person who looks for a
 * sign-in that is not theirs needs the browser and the system, not versions.
 * Browsers name those that they descend from as well, so the first row that
 * fits counts.
 */
#include "render/device.h"

#include <stddef.h>
#include <string.h>

struct row {
	const char *mark, *name;
};

static const struct row browsers[] = {
	{ "Edg/", "Edge" },
	{ "EdgA/", "Edge" },
	{ "EdgiOS/", "Edge" },
	{ "Edge/", "Edge" },
	{ "OPR/", "Opera" },
	{ "OPT/", "Opera" },
	{ "Opera", "Opera" },
	{ "Vivaldi/", "Vivaldi" },
	{ "YaBrowser/", "Yandex Browser" },
	{ "SamsungBrowser/", "Samsung Internet" },
	{ "DuckDuckGo/", "DuckDuckGo" },
	{ "FxiOS/", "Firefox" },
	{ "Focus/", "Firefox Focus" },
	{ "SeaMonkey/", "SeaMonkey" },
	{ "Firefox/", "Firefox" },
	{ "CriOS/", "Chrome" },
	{ "Chromium/", "Chromium" },
	{ "Epiphany/", "GNOME Web" },
	{ "HeadlessChrome/", "Chrome" },
	{ "Chrome/", "Chrome" },
	{ "MSIE ", "Internet Explorer" },
	{ "Trident/", "Internet Explorer" },
	/* What renders pages inside an app has no version of Safari. */
	{ "Version/", "Safari" },
	{ "curl/", "curl" },
	{ "Wget/", "Wget" },
};

static const struct row systems[] = {
	{ "Windows Phone", "Windows Phone" },
	{ "Windows", "Windows" },
	{ "iPhone", "iPhone" },
	{ "iPad", "iPad" },
	{ "Android", "Android" },
	{ "CrOS ", "ChromeOS" },
	{ "Mac OS X", "macOS" },
	{ "Macintosh", "macOS" },
	{ "FreeBSD", "FreeBSD" },
	{ "OpenBSD", "OpenBSD" },
	{ "NetBSD", "NetBSD" },
	{ "Linux", "Linux" },
};

#define ROWS(table) (sizeof(table) / sizeof *(table))

static const char *
find(const struct row *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(text, table[i].mark) != NULL)
			return table[i].name;
	return NULL;
}

struct device
device_of(const char *user_agent)
{
	if (user_agent == NULL)
		return (struct device){ 0 };
	return (struct device){
		.browser = find(browsers, ROWS(browsers), user_agent),
		.system = find(systems, ROWS(systems), user_agent),
	};
}
