/* SPDX-License-Identifier: MIT */
#include "base/slice.h"

#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr in its first version: the kernel's header and the C library's exclude each
 * other. */
struct slice_attributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice_ns, deadline_ns, period_ns;
};

void slice_request(uint64_t slice_ns)
{
        struct slice_attributes attributes = {0};

        if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0) {
                attributes.slice_ns = slice_ns;
                syscall(SYS_sched_setattr, 0, &attributes, 0);
        }
}
