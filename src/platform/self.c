/* SPDX-License-Identifier: ISC */
/*
 * What this process is to the kernel, and what the kernel says of it.
 */
#include "platform/self.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Of one loaded object; the segments that were written to stay. */
static int
trim_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		ElfW(Addr) from = object->dlpi_addr + p->p_vaddr;
		size_t before = from % page;

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) != 0)
			continue;
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		(void)madvise((void *)(from - before), p->p_memsz + before,
		    MADV_DONTNEED);
	}
	return 0;
}

void
self_trim(void)
{
	(void)dl_iterate_phdr(trim_object, NULL);
}

void
self_name(const char *name)
{
	char text[16]; /* what the kernel keeps */

	(void)snprintf(text, sizeof text, "postern-%s", name);
	(void)prctl(PR_SET_NAME, text, 0, 0, 0);
}

long
self_memory_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long resident = 0, shared = 0;
	char line[128];

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof line, f) != NULL) {
		char *p = strchr(line, ' ');

		resident = p == NULL ? 0 : strtol(p, &p, 10);
		shared = p == NULL ? 0 : strtol(p, NULL, 10);
	}
	(void)fclose(f);
	return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}
