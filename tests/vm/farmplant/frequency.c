// SPDX-License-Identifier: GPL-2.0-only
/* cpufreq: a policy for each CPU with five frequencies, and the energy-performance preference of intel_pstate. */
#include <linux/cpufreq.h>
#include <linux/string.h>

#include "plant.h"

#define START_KHZ 3600000

static struct cpufreq_frequency_table table[] = {
	{ .frequency = 1200000 }, { .frequency = 1800000 }, { .frequency = 2400000 },
	{ .frequency = 3000000 }, { .frequency = START_KHZ }, { .frequency = CPUFREQ_TABLE_END },
};
static const char *const preferences[] = { "default", "performance", "balance_performance", "balance_power", "power" };

static unsigned int khz[NR_CPUS];
static int preference[NR_CPUS];

unsigned int current_khz(unsigned int cpu)
{
	return khz[cpu] ?: START_KHZ;
}

static int init(struct cpufreq_policy *policy)
{
	policy->freq_table = table;
	policy->cpuinfo.transition_latency = 20000;
	policy->cur = khz[policy->cpu] = START_KHZ;
	preference[policy->cpu] = 2;
	return 0;
}

static int set_index(struct cpufreq_policy *policy, unsigned int index)
{
	khz[policy->cpu] = table[index].frequency;
	return 0;
}

static ssize_t show_energy_performance_preference(struct cpufreq_policy *policy, char *text)
{
	return sysfs_emit(text, "%s\n", preferences[preference[policy->cpu]]);
}

static ssize_t store_energy_performance_preference(struct cpufreq_policy *policy, const char *text, size_t length)
{
	int chosen = sysfs_match_string(preferences, text);

	if (chosen < 0)
		return chosen;
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
	.verify = cpufreq_generic_frequency_table_verify,
	.target_index = set_index,
	.get = current_khz,
	.attr = attributes,
};

int frequency_register(void)
{
	return cpufreq_register_driver(&driver);
}
