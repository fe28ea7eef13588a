/* SPDX-License-Identifier: ISC */
/*
 * Claim cookies: nothing passes for an account's but what we wrote for it,
 * unchanged.
 */
#include "domain/claim.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/crypto.h"
#include "tests/fuzz/fuzz.h"

static struct key_ring ours, others;
static struct uuid ada, bob;

static void
set_up(void)
{
	static bool is_up;

	if (is_up)
		return;
	is_up = true;
	crypto_random(&ours, sizeof ours);
	crypto_random(&others, sizeof others);
	crypto_random(&ada, sizeof ada);
	crypto_random(&bob, sizeof bob);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	char claim[CLAIM_TEXT];
	const char *changed;

	set_up();
	must(!claim_holds(&ours, &ada, arena_memdup(mem, data, size)));
	claim_write(&ours, &ada, claim);
	must(claim_holds(&ours, &ada, claim));
	must(!claim_holds(&ours, &bob, claim));
	must(!claim_holds(&others, &ada, claim));
	must(!claim_holds(&ours, &ada, arena_printf(mem, "%sA", claim)));
	changed = fuzz_overwrite(mem, claim, data, size);
	must(
	    claim_holds(&ours, &ada, changed) == (strcmp(changed, claim) == 0));
	return 0;
}
