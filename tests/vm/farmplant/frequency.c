// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpufreq: a policy for each CPU with five frequencies, boost, and the energy-performance preference with the manners of intel_pstate:
 * under the governor `performance` it reads `performance` and takes nothing else.
 */
#include <linux/cpufreq.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "plant.h"

#define START_KHZ 3600000u

static struct cpufreq_frequency_table table[] = {
	{ .frequency = 1200000 }, { .frequency = 1800000 }, { .frequency = 2400000 },
	{ .frequency = BASE_KHZ }, { .frequency = START_KHZ }, { .frequency = CPUFREQ_TABLE_END },
};
enum { DEFAULT, PERFORMANCE, BALANCE_PERFORMANCE, BALANCE_POWER, POWER };
static const char *const preferences[] = { "default", "performance", "balance_performance", "balance_power", "power" };

static unsigned int khz[NR_CPUS];
/* A CPU that comes back has the preference that it went with. */
static int preference[NR_CPUS] = { [0 ... NR_CPUS - 1] = BALANCE_PERFORMANCE };
static bool boost = true;

unsigned int requested_khz(unsigned int cpu)
{
	unsigned int requested = khz[cpu] ?: START_KHZ;

	return boost ? requested : min(requested, BASE_KHZ);
}

/* As `cpuinfo_cur_freq` tells it: less than requested while a power limit holds. */
static unsigned int effective_khz(unsigned int cpu)
{
	u64 permille = packages[topology_physical_package_id(cpu) % PACKAGES].speed_permille;

	return requested_khz(cpu) * permille / 1000;
}

static int init(struct cpufreq_policy *policy)
{
	policy->freq_table = table;
	policy->cpuinfo.transition_latency = 20000;
	policy->cur = khz[policy->cpu] = START_KHZ;
	return 0;
}

/* Lets a CPU go off line. */
static int leave(struct cpufreq_policy *policy)
{
	return 0;
}

static int set_index(struct cpufreq_policy *policy, unsigned int index)
{
	khz[policy->cpu] = table[index].frequency;
	return 0;
}

static int set_boost(struct cpufreq_policy *policy, int state)
{
	int refused = refusal(BOOST, WRITE_OF);

	if (!refused)
		boost = state;
	return refused;
}

static bool performs(struct cpufreq_policy *policy)
{
	return policy->governor && !strcmp(policy->governor->name, "performance");
}

static ssize_t show_energy_performance_preference(struct cpufreq_policy *policy, char *text)
{
	int refused = refusal(PREFERENCE, READ_OF);
	int shown = performs(policy) ? PERFORMANCE : preference[policy->cpu];

	return refused ?: sysfs_emit(text, "%s\n", preferences[shown]);
}

static ssize_t store_energy_performance_preference(struct cpufreq_policy *policy, const char *text, size_t length)
{
	int chosen = sysfs_match_string(preferences, text);
	int refused = refusal(PREFERENCE, WRITE_OF);

	if (chosen < 0)
		return chosen;
	if (refused)
		return refused;
	if (performs(policy))
		return chosen == PERFORMANCE ? length : -EBUSY;
	preference[policy->cpu] = chosen;
	return length;
}

static ssize_t show_energy_performance_available_preferences(struct cpufreq_policy *policy, char *text)
{
	return sysfs_emit(text, "default performance balance_performance balance_power power \n");
}

cpufreq_freq_attr_rw(energy_performance_preference);
cpufreq_freq_attr_ro(energy_performance_available_preferences);

static struct freq_attr *attributes[] = {
	&cpufreq_freq_attr_scaling_available_freqs,
	&energy_performance_preference,
	&energy_performance_available_preferences,
	NULL,
};

static struct cpufreq_driver driver = {
	.name = "farmplant",
	.flags = CPUFREQ_CONST_LOOPS,
	.init = init,
	.exit = leave,
	.verify = cpufreq_generic_frequency_table_verify,
	.target_index = set_index,
	.get = effective_khz,
	.attr = attributes,
	.boost_enabled = true,
	.set_boost = set_boost,
};

int frequency_register(void)
{
	return cpufreq_register_driver(&driver);
}
