// SPDX-License-Identifier: GPL-2.0-only
/* The profile of the firmware: `/sys/firmware/acpi/platform_profile`. */
#include <linux/bitops.h>
#include <linux/platform_profile.h>

#include "plant.h"

static enum platform_profile_option chosen = PLATFORM_PROFILE_BALANCED;

static int get(struct platform_profile_handler *handler, enum platform_profile_option *profile)
{
	*profile = chosen;
	return refusal(PROFILE, READ_OF);
}

static int set(struct platform_profile_handler *handler, enum platform_profile_option profile)
{
	int refused = refusal(PROFILE, WRITE_OF);

	if (!refused)
		chosen = profile;
	return refused;
}

static struct platform_profile_handler handler = { .profile_get = get, .profile_set = set };

int profile_register(void)
{
	set_bit(PLATFORM_PROFILE_LOW_POWER, handler.choices);
	set_bit(PLATFORM_PROFILE_BALANCED, handler.choices);
	set_bit(PLATFORM_PROFILE_PERFORMANCE, handler.choices);
	return platform_profile_register(&handler);
}
