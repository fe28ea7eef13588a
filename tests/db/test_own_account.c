/* SPDX-License-Identifier: ISC */
/* Changes of address, export, and the end of an account. */
#include "test_db.h"
