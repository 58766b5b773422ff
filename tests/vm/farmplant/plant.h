/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the plant know of each other. */
#ifndef PLANT_H
#define PLANT_H

#include <linux/platform_device.h>
#include <linux/types.h>

#define PACKAGES 2
#define CONSTRAINTS 2
#define FANS 2
#define BASE_KHZ 3000000u

/* The range of the counter of most machines of Intel: 2^32 units of 61 uJ. */
#define ENERGY_RANGE_UJ 262143328850ULL

struct package {
	u64 energy_uj;
	u64 dram_energy_uj;
	u64 power_uw;
	u64 limit_uw[CONSTRAINTS];
	u64 window_us[CONSTRAINTS];
	unsigned int speed_permille; /* what a power limit leaves of the requested frequency */
	int temperature; /* thousandths of a degree */
};

/* A fan and what drives it. */
struct fan {
	int rpm;
	int pwm; /* 0 to 255 */
	enum { FULL_SPEED, MANUAL, AUTOMATIC } mode;
};

/* Files whose reads and writes can be made to fail. */
enum surface { LIMIT, WINDOW, PREFERENCE, BOOST, PWM, PWM_ENABLE, PROFILE, SURFACES };
enum operation { READ_OF, WRITE_OF, OPERATIONS };

extern struct package packages[PACKAGES];
extern struct fan fans[FANS];

int refusal(enum surface surface, enum operation operation);
unsigned int requested_khz(unsigned int cpu);

int energy_register(void);
int sensors_register(struct platform_device *board);
int zone_register(void);
int frequency_register(void);
int idle_register(void);
int profile_register(void);
int memory_register(struct platform_device *board);

#endif
