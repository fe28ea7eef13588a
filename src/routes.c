/* SPDX-License-Identifier: ISC */
/* THE table: what is not here does not exist. */
#include "handlers/call.h"

#define API ACCESS_PUBLIC, ORIGIN_ANY
#define API_TOKEN ACCESS_TOKEN, ORIGIN_ANY
#define EITHER ACCESS_EITHER, ORIGIN_ANY
#define PAGE ACCESS_PUBLIC, ORIGIN_ANY
#define FORM ACCESS_PUBLIC, ORIGIN_OURS
#define VISITOR ACCESS_VISITOR, ORIGIN_ANY
#define BROWSER ACCESS_BROWSER, ORIGIN_ANY
#define BROWSER_FORM ACCESS_BROWSER, ORIGIN_OURS

/* clang-format off */
const struct route routes[] = {
	{ METHOD_POST, "/auth/register", POOL_PASSWORD, API,
	    INPUT_REGISTRATION, LIMIT_REGISTER, register_post },
	{ METHOD_POST, "/auth/login", POOL_PASSWORD, API,
	    INPUT_LOGIN, LIMIT_LOGIN, login_post },
	{ METHOD_POST, "/auth/logout", POOL_WEB, API_TOKEN,
	    INPUT_NONE, LIMIT_OTHER, logout_post },
	{ METHOD_POST, "/auth/refresh", POOL_WEB, API,
	    INPUT_NONE, LIMIT_OTHER, refresh_post },
	{ METHOD_POST, "/auth/forgot-password", POOL_WEB, API,
	    INPUT_EMAIL, LIMIT_FORGOT, forgot_password_post },
	{ METHOD_POST, "/auth/reset-password", POOL_PASSWORD, API,
	    INPUT_RESET, LIMIT_OTHER, reset_password_post },
	{ METHOD_POST, "/auth/verify-email", POOL_WEB, API,
	    INPUT_VERIFICATION, LIMIT_OTHER, verify_email_post },
	{ METHOD_POST, "/auth/resend-verification", POOL_WEB, API,
	    INPUT_EMAIL, LIMIT_RESEND, resend_verification_post },

	{ METHOD_GET, "/auth/check", POOL_WEB, EITHER,
	    INPUT_NONE, LIMIT_NONE, check_get },
	{ METHOD_GET, "/auth/me", POOL_WEB, API_TOKEN,
	    INPUT_NONE, LIMIT_OTHER, me_get },
	{ METHOD_GET, "/auth/sessions", POOL_WEB, API_TOKEN,
	    INPUT_NONE, LIMIT_OTHER, sessions_get },
	{ METHOD_DELETE, "/auth/sessions/{id}", POOL_WEB, API_TOKEN,
	    INPUT_NONE, LIMIT_OTHER, session_delete },
	{ METHOD_POST, "/auth/logout-all", POOL_WEB, API_TOKEN,
	    INPUT_LOGOUT_ALL, LIMIT_OTHER, logout_all_post },
	{ METHOD_POST, "/auth/change-password", POOL_PASSWORD, API_TOKEN,
	    INPUT_CHANGE, LIMIT_OTHER, change_password_post },
	{ METHOD_GET, "/.well-known/jwks.json", POOL_WEB, API,
	    INPUT_NONE, LIMIT_NONE, jwks_get },

	{ METHOD_GET, "/", POOL_WEB, VISITOR,
	    INPUT_PAGE, LIMIT_OTHER, home_page },
	{ METHOD_GET, "/register", POOL_WEB, VISITOR,
	    INPUT_PAGE, LIMIT_OTHER, register_page },
	{ METHOD_POST, "/register", POOL_PASSWORD, FORM,
	    INPUT_FORM_REGISTRATION, LIMIT_REGISTER, register_page_post },
	{ METHOD_GET, "/login", POOL_WEB, VISITOR,
	    INPUT_PAGE, LIMIT_OTHER, login_page },
	{ METHOD_POST, "/login", POOL_PASSWORD, FORM,
	    INPUT_FORM_LOGIN, LIMIT_LOGIN, login_page_post },
	{ METHOD_GET, "/dashboard", POOL_WEB, BROWSER,
	    INPUT_PAGE, LIMIT_OTHER, dashboard_page },
	{ METHOD_POST, "/dashboard", POOL_WEB, BROWSER_FORM,
	    INPUT_FORM, LIMIT_OTHER, dashboard_page_post },
	{ METHOD_GET, "/forgot-password", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_OTHER, forgot_password_page },
	{ METHOD_POST, "/forgot-password", POOL_WEB, FORM,
	    INPUT_FORM_EMAIL, LIMIT_FORGOT, forgot_password_page_post },
	{ METHOD_GET, "/check-email", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_OTHER, check_email_page },
	{ METHOD_POST, "/check-email", POOL_WEB, FORM,
	    INPUT_FORM_EMAIL, LIMIT_RESEND, check_email_page_post },
	{ METHOD_GET, "/verify-email", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_OTHER, verify_email_page },
	{ METHOD_POST, "/verify-email", POOL_PASSWORD, FORM,
	    INPUT_FORM, LIMIT_OTHER, verify_email_page_post },
	{ METHOD_GET, "/reset-password", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_OTHER, reset_password_page },
	{ METHOD_POST, "/reset-password", POOL_PASSWORD, FORM,
	    INPUT_FORM_RESET, LIMIT_OTHER, reset_password_page_post },

	{ METHOD_GET, "/account", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_OTHER, account_page_moved },
	{ METHOD_GET, "/account/", POOL_WEB, BROWSER,
	    INPUT_PAGE, LIMIT_OTHER, account_page },
	{ METHOD_GET, "/account/language", POOL_WEB, BROWSER,
	    INPUT_PAGE, LIMIT_OTHER, account_language_page },
	{ METHOD_POST, "/account/language", POOL_WEB, BROWSER_FORM,
	    INPUT_FORM, LIMIT_OTHER, account_language_page_post },
	{ METHOD_GET, "/account/password", POOL_WEB, BROWSER,
	    INPUT_PAGE, LIMIT_OTHER, account_password_page },
	{ METHOD_POST, "/account/password", POOL_PASSWORD, BROWSER_FORM,
	    INPUT_FORM_CHANGE, LIMIT_OTHER, account_password_page_post },
	{ METHOD_GET, "/account/sessions", POOL_WEB, BROWSER,
	    INPUT_PAGE, LIMIT_OTHER, account_sessions_page },
	{ METHOD_POST, "/account/sessions", POOL_WEB, BROWSER_FORM,
	    INPUT_FORM, LIMIT_OTHER, account_sessions_page_post },

	{ METHOD_GET, "/brand.css", POOL_WEB, PAGE,
	    INPUT_PAGE, LIMIT_NONE, brand_css_get },
	{ METHOD_GET, "/healthz", POOL_BOTH, API,
	    INPUT_NONE, LIMIT_NONE, healthz_get },
	{ METHOD_GET, "/readyz", POOL_BOTH, API,
	    INPUT_NONE, LIMIT_NONE, readyz_get },
	{ .path = NULL },
};
/* clang-format on */
