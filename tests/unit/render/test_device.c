/* SPDX-License-Identifier: ISC */
/* A User-Agent in words that its owner knows. */
#include "render/device.h"

#include <stddef.h>
#include <string.h>

#include "tests/test.h"

#define MOZILLA "Mozilla/5.0 "
#define WEBKIT " AppleWebKit/537.36 (KHTML, like Gecko) "
#define APPLE " AppleWebKit/605.1.15 (KHTML, like Gecko) "
#define WINDOWS MOZILLA "(Windows NT 10.0; Win64; x64)"
#define MAC MOZILLA "(Macintosh; Intel Mac OS X 10_15_7)"
#define IPHONE MOZILLA "(iPhone; CPU iPhone OS 17_5 like Mac OS X)"
#define ANDROID MOZILLA "(Linux; Android 14; Pixel 8)"

static const struct {
	const char *user_agent, *browser, *system;
} agents[] = {
	{ MOZILLA "(Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101"
		  " Firefox/128.0",
	    "Firefox", "Windows" },
	{ MOZILLA "(X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	    "Firefox", "Linux" },
	{ MOZILLA "(Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0",
	    "Firefox", "Android" },
	{ IPHONE APPLE "FxiOS/128.0 Mobile/15E148 Safari/605.1.15", "Firefox",
	    "iPhone" },
	{ WINDOWS WEBKIT "Chrome/126.0.0.0 Safari/537.36", "Chrome",
	    "Windows" },
	{ MAC WEBKIT "Chrome/126.0.0.0 Safari/537.36", "Chrome", "macOS" },
	{ MOZILLA "(X11; CrOS x86_64 14541.0.0)" WEBKIT
		  "Chrome/126.0.0.0 Safari/537.36",
	    "Chrome", "ChromeOS" },
	{ ANDROID WEBKIT "Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome",
	    "Android" },
	{ IPHONE APPLE "CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome",
	    "iPhone" },
	{ MOZILLA "(X11; Linux x86_64)" WEBKIT
		  "HeadlessChrome/126.0.0.0 Safari/537.36",
	    "Chrome", "Linux" },
	{ WINDOWS WEBKIT "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge",
	    "Windows" },
	{ ANDROID WEBKIT "Chrome/126.0 Mobile Safari/537.36 EdgA/126.0", "Edge",
	    "Android" },
	{ MAC WEBKIT "Chrome/126.0.0.0 Safari/537.36 OPR/111.0.0.0", "Opera",
	    "macOS" },
	{ ANDROID WEBKIT
	    "SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
	    "Samsung Internet", "Android" },
	{ MAC APPLE "Version/17.5 Safari/605.1.15", "Safari", "macOS" },
	{ IPHONE APPLE "Version/17.5 Mobile/15E148 Safari/604.1", "Safari",
	    "iPhone" },
	{ MOZILLA "(iPad; CPU OS 16_7 like Mac OS X)" APPLE
		  "Version/16.6 Mobile/15E148 Safari/604.1",
	    "Safari", "iPad" },
	{ MOZILLA "(Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
	    "Internet Explorer", "Windows" },
	/* Inside an app: no browser that one would know. */
	{ IPHONE APPLE "Mobile/15E148", NULL, "iPhone" },
	{ MOZILLA "(X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0",
	    "Firefox", "FreeBSD" },
	{ "curl/8.5.0", "curl", NULL },
	{ "okhttp/4.12.0", NULL, NULL },
	{ "<script>alert(1)</script>", NULL, NULL },
	{ "", NULL, NULL },
	{ NULL, NULL, NULL },
};

static void
is(const char *got, const char *want)
{
	if (want == NULL)
		ck_assert_ptr_null(got);
	else
		ck_assert_str_eq(got, want);
}

START_TEST(an_agent_is_told_in_words)
{
	struct device d = device_of(agents[_i].user_agent);

	is(d.browser, agents[_i].browser);
	is(d.system, agents[_i].system);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "an agent is told in words", an_agent_is_told_in_words,
		    ROWS(agents) },
	};

	return test_main("device", cases, ROWS(cases));
}
