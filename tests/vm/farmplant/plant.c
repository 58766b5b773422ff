// SPDX-License-Identifier: GPL-2.0-only
/*
 * The physics: what busy CPUs draw, how much slower a power limit makes them, how warm that makes their package, and what the fans
 * take away.
 */
#include <linux/cpu.h>
#include <linux/cpufreq.h>
#include <linux/ktime.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "plant.h"

#define STEP_MS 100
#define IDLE_UW 15000000ULL
#define BUSY_CORE_UW 20000000ULL /* at the base frequency */
#define SLOWEST_PERMILLE 250 /* below which no power limit can bring the frequency */
#define DRAM_SHARE 5 /* a fifth of the package */
#define INERTIA_MS 3000
#define FAN_IDLE_RPM 600
#define LEAST_AUTOMATIC_PWM 76
#define MOST_PWM 255
/* Where the automatic fans begin to turn faster, and where they turn at full speed. */
#define COOL 30000
#define HOT 80000

static int ambient = 25000;
module_param(ambient, int, 0644);
MODULE_PARM_DESC(ambient, "air that the fans blow, in thousandths of a degree");

static bool fan_stuck;
module_param(fan_stuck, bool, 0644);
MODULE_PARM_DESC(fan_stuck, "no fan turns any more");

static bool stopped;
module_param(stopped, bool, 0644);
MODULE_PARM_DESC(stopped, "energy is not counted");

static unsigned long long energy;
module_param(energy, ullong, 0444);
MODULE_PARM_DESC(energy, "where the counters of energy begin, in uJ");

struct package packages[PACKAGES];
struct fan fans[FANS] = { { .pwm = MOST_PWM, .mode = MANUAL }, { .pwm = LEAST_AUTOMATIC_PWM, .mode = AUTOMATIC } };

static u64 idle_before[NR_CPUS], wall_before[NR_CPUS];
static ktime_t stepped;
static struct delayed_work work;

/* What a CPU has drawn since the step before, by its share of busy time and the square of its frequency. */
static u64 drawn_by(unsigned int cpu)
{
	u64 wall, idle, passed, rested, frequency;

	idle = get_cpu_idle_time(cpu, &wall, 0);
	passed = wall - wall_before[cpu];
	rested = min(idle - idle_before[cpu], passed);
	wall_before[cpu] = wall;
	idle_before[cpu] = idle;
	if (!passed)
		return 0;
	frequency = requested_khz(cpu);
	return BUSY_CORE_UW * (passed - rested) / passed * (frequency / 1000) / (BASE_KHZ / 1000) *
	       (frequency / 1000) / (BASE_KHZ / 1000);
}

/* Power goes with the square of the frequency: the root of the share that the limits leave of it is the speed. */
static void limit(struct package *package, u64 wanted)
{
	u64 most = min(package->limit_uw[0], package->limit_uw[1]);
	u64 busy = wanted - IDLE_UW;
	u64 speed = 1000;

	if (wanted > most && busy)
		speed = int_sqrt64((most > IDLE_UW ? most - IDLE_UW : 0) * 1000000 / busy);
	package->speed_permille = max_t(u64, speed, SLOWEST_PERMILLE);
	package->power_uw = IDLE_UW + busy * package->speed_permille / 1000 * package->speed_permille / 1000;
}

static void blow(struct fan *fan)
{
	int hottest = max(packages[0].temperature, packages[1].temperature);

	if (fan->mode == FULL_SPEED)
		fan->pwm = MOST_PWM;
	if (fan->mode == AUTOMATIC)
		fan->pwm = clamp((hottest - COOL) * MOST_PWM / (HOT - COOL), LEAST_AUTOMATIC_PWM, MOST_PWM);
	fan->rpm = fan_stuck ? 0 : FAN_IDLE_RPM + fan->pwm * 10;
}

static void count(struct package *package, u64 elapsed_us)
{
	u64 grown = package->power_uw * elapsed_us / USEC_PER_SEC;
	int cooling = 200 + (fans[0].rpm + fans[1].rpm) / 8;
	int target = ambient + (int)(package->power_uw / 1000) * 500 / cooling / 1000 * 1000;

	if (!stopped) {
		package->energy_uj = (package->energy_uj + grown) % ENERGY_RANGE_UJ;
		package->dram_energy_uj = (package->dram_energy_uj + grown / DRAM_SHARE) % ENERGY_RANGE_UJ;
	}
	package->temperature += (target - package->temperature) * (int)(elapsed_us / 1000) / INERTIA_MS;
}

static void step(struct work_struct *unused)
{
	ktime_t now = ktime_get();
	u64 elapsed_us = ktime_us_delta(now, stepped);
	u64 wanted[PACKAGES];
	unsigned int cpu;
	int i;

	stepped = now;
	for (i = 0; i < FANS; i++)
		blow(&fans[i]);
	for (i = 0; i < PACKAGES; i++)
		wanted[i] = IDLE_UW;
	for_each_online_cpu(cpu)
		wanted[topology_physical_package_id(cpu) % PACKAGES] += drawn_by(cpu);
	for (i = 0; i < PACKAGES; i++) {
		limit(&packages[i], wanted[i]);
		count(&packages[i], elapsed_us);
	}
	schedule_delayed_work(&work, msecs_to_jiffies(STEP_MS));
}

static int __init plant_init(void)
{
	struct platform_device *board;
	int i, failed;

	for (i = 0; i < PACKAGES; i++)
		packages[i] = (struct package){
			.energy_uj = energy % ENERGY_RANGE_UJ,
			.power_uw = IDLE_UW,
			.limit_uw = { 100000000, 125000000 },
			.window_us = { 27983872, 2440 },
			.speed_permille = 1000,
			.temperature = ambient,
		};
	board = platform_device_register_simple("farmplant", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board))
		return PTR_ERR(board);
	failed = energy_register() ?: frequency_register() ?: idle_register() ?: sensors_register(board) ?:
		 zone_register() ?: profile_register() ?: memory_register(board);
	if (failed) {
		pr_err("farmplant: cannot be registered: %d\n", failed);
		return failed;
	}
	stepped = ktime_get();
	INIT_DELAYED_WORK(&work, step);
	schedule_delayed_work(&work, 1);
	return 0;
}
module_init(plant_init);

MODULE_DESCRIPTION("Made-up hardware for the tests of plotwarden");
MODULE_LICENSE("GPL");
