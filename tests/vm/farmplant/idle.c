// SPDX-License-Identifier: GPL-2.0-only
/* cpuidle: three C-states, each deeper by name and latency only: every one of them halts until the next interrupt. */
#include <linux/cpuidle.h>
#include <linux/irqflags.h>

#include "plant.h"

static int sleep_lightly(struct cpuidle_device *device, struct cpuidle_driver *driver, int index)
{
	asm volatile("sti; hlt" : : : "memory");
	raw_local_irq_disable();
	return index;
}

#define STATE(called, latency, residency)                                                                             \
	{                                                                                                             \
		.name = called, .desc = called " of farmplant", .exit_latency = latency,                              \
		.target_residency = residency, .enter = sleep_lightly                                                          \
	}

static struct cpuidle_driver driver = {
	.name = "farmplant",
	.states = { STATE("C1", 2, 2), STATE("C1E", 10, 20), STATE("C6", 133, 600) },
	.state_count = 3,
};

int idle_register(void)
{
	return cpuidle_register(&driver, NULL);
}
