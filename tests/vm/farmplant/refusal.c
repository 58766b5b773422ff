// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that refuse or hang on request, as those of broken firmware do. `echo "pwm write 16 0" > refuse` lets every write of a duty
 * cycle fail with error 16 (EBUSY); `pwm write 0 20000` lets it take 20 s; `pwm write 0 0` ends both.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/string.h>

#include "plant.h"

static const char *const names[SURFACES] = {
	[LIMIT] = "limit", [WINDOW] = "window", [PREFERENCE] = "preference", [BOOST] = "boost",
	[PWM] = "pwm", [PWM_ENABLE] = "pwm_enable", [PROFILE] = "profile",
};
static const char *const operations[OPERATIONS] = { [READ_OF] = "read", [WRITE_OF] = "write" };

static struct {
	int error;
	unsigned int delay_ms;
} told[SURFACES][OPERATIONS];

/* Waits as long as it was told; the error to fail with, or 0. A writer that waits here cannot be killed, as with real hardware. */
int refusal(enum surface surface, enum operation operation)
{
	if (told[surface][operation].delay_ms)
		msleep(told[surface][operation].delay_ms);
	return -told[surface][operation].error;
}

static int set_refuse(const char *text, const struct kernel_param *parameter)
{
	char name[16], operation[8];
	int error, surface, which;
	unsigned int delay_ms;

	if (sscanf(text, "%15s %7s %d %u", name, operation, &error, &delay_ms) != 4 || error < 0 || error > MAX_ERRNO)
		return -EINVAL;
	surface = match_string(names, SURFACES, name);
	which = match_string(operations, OPERATIONS, operation);
	if (surface < 0 || which < 0)
		return -EINVAL;
	told[surface][which].error = error;
	told[surface][which].delay_ms = delay_ms;
	return 0;
}

static int get_refuse(char *text, const struct kernel_param *parameter)
{
	int surface, which, length = 0;

	for (surface = 0; surface < SURFACES; surface++)
		for (which = 0; which < OPERATIONS; which++)
			length += sysfs_emit_at(text, length, "%s %s %d %u\n", names[surface], operations[which],
						told[surface][which].error, told[surface][which].delay_ms);
	return length;
}

static const struct kernel_param_ops refuse_ops = { .set = set_refuse, .get = get_refuse };
module_param_cb(refuse, &refuse_ops, NULL, 0644);
MODULE_PARM_DESC(refuse, "surface, `read` or `write`, number of the error, milliseconds of delay");
