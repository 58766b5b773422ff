// SPDX-License-Identifier: GPL-2.0-only
/* RAPL: two packages with memory below them, and a zone of the platform whose counter does not answer. */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/powercap.h>

#include "plant.h"

#define MOST_UW 125000000ULL
/* What the registers can hold: eighths of a watt in 15 bits, and windows of (1 + x/4) * 2^y units. */
#define LIMIT_UNIT_UW 125000ULL
#define LIMIT_UNITS 32767
#define WINDOW_UNIT_US 976ULL

static struct powercap_zone zones[PACKAGES], drams[PACKAGES], platform;
static bool enabled = true;

static int package_energy(struct powercap_zone *zone, u64 *energy)
{
	*energy = packages[zone - zones].energy_uj;
	return 0;
}

static int dram_energy(struct powercap_zone *zone, u64 *energy)
{
	*energy = packages[zone - drams].dram_energy_uj;
	return 0;
}

static int no_energy(struct powercap_zone *zone, u64 *energy)
{
	return -EIO;
}

static int range(struct powercap_zone *zone, u64 *range)
{
	*range = ENERGY_RANGE_UJ;
	return 0;
}

static int get_enable(struct powercap_zone *zone, bool *value)
{
	*value = enabled;
	return 0;
}

static int set_enable(struct powercap_zone *zone, bool value)
{
	enabled = value;
	return 0;
}

static int release(struct powercap_zone *zone)
{
	return 0;
}

static int get_limit(struct powercap_zone *zone, int constraint, u64 *value)
{
	*value = packages[zone - zones].limit_uw[constraint];
	return refusal(LIMIT, READ_OF);
}

static int set_limit(struct powercap_zone *zone, int constraint, u64 value)
{
	int refused = refusal(LIMIT, WRITE_OF);

	if (refused)
		return refused;
	if (value > LIMIT_UNITS * LIMIT_UNIT_UW)
		return -EINVAL;
	packages[zone - zones].limit_uw[constraint] = value / LIMIT_UNIT_UW * LIMIT_UNIT_UW;
	return 0;
}

static int get_window(struct powercap_zone *zone, int constraint, u64 *value)
{
	*value = packages[zone - zones].window_us[constraint];
	return refusal(WINDOW, READ_OF);
}

static int set_window(struct powercap_zone *zone, int constraint, u64 value)
{
	u64 quarters = max(value * 4 / WINDOW_UNIT_US, 4ULL);
	int power = ilog2(quarters) - 2;
	int refused = refusal(WINDOW, WRITE_OF);

	if (!refused)
		packages[zone - zones].window_us[constraint] = (quarters >> power << power) * WINDOW_UNIT_US / 4;
	return refused;
}

/* As with real CPUs, the short term has no maximum, and says so. */
static int max_power(struct powercap_zone *zone, int constraint, u64 *value)
{
	if (constraint)
		return -ENODATA;
	*value = MOST_UW;
	return 0;
}

static const char *constraint_name(struct powercap_zone *zone, int constraint)
{
	return constraint ? "short_term" : "long_term";
}

#define ZONE_OPS(energy)                                                                                              \
	{                                                                                                             \
		.get_energy_uj = energy, .get_max_energy_range_uj = range, .get_enable = get_enable,                  \
		.set_enable = set_enable, .release = release                                                          \
	}

static const struct powercap_zone_ops package_ops = ZONE_OPS(package_energy);
static const struct powercap_zone_ops dram_ops = ZONE_OPS(dram_energy);
static const struct powercap_zone_ops platform_ops = ZONE_OPS(no_energy);
static const struct powercap_zone_constraint_ops constraint_ops = {
	.set_power_limit_uw = set_limit,
	.get_power_limit_uw = get_limit,
	.set_time_window_us = set_window,
	.get_time_window_us = get_window,
	.get_max_power_uw = max_power,
	.get_name = constraint_name,
};

int energy_register(void)
{
	struct powercap_control_type *type = powercap_register_control_type(NULL, "intel-rapl", NULL);
	struct powercap_zone *zone;
	char name[16];
	int i;

	if (IS_ERR(type))
		return PTR_ERR(type);
	for (i = 0; i < PACKAGES; i++) {
		snprintf(name, sizeof(name), "package-%d", i);
		zone = powercap_register_zone(&zones[i], type, name, NULL, &package_ops, CONSTRAINTS, &constraint_ops);
		if (IS_ERR(zone))
			return PTR_ERR(zone);
		zone = powercap_register_zone(&drams[i], type, "dram", &zones[i], &dram_ops, 0, &constraint_ops);
		if (IS_ERR(zone))
			return PTR_ERR(zone);
	}
	return PTR_ERR_OR_ZERO(powercap_register_zone(&platform, type, "psys", NULL, &platform_ops, 0, &constraint_ops));
}
