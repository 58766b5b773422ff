/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the plant know of each other. */
#ifndef PLANT_H
#define PLANT_H

#include <linux/platform_device.h>
#include <linux/types.h>

#define PACKAGES 2
#define CONSTRAINTS 2

/* The range of the counter of most machines of Intel: 2^32 units of 61 uJ. */
#define ENERGY_RANGE_UJ 262143328850ULL

struct package {
	u64 energy_uj;
	u64 dram_energy_uj;
	u64 power_uw;
	u64 limit_uw[CONSTRAINTS];
	u64 window_us[CONSTRAINTS];
	int temperature; /* thousandths of a degree */
};

extern struct package packages[PACKAGES];
extern int fan_rpm; /* turns of all fans */
extern int pwm; /* 0 to 255 */
extern int pwm_enable;

unsigned int current_khz(unsigned int cpu);

int energy_register(void);
int sensors_register(struct platform_device *board);
int zone_register(void);
int frequency_register(void);
int memory_register(struct platform_device *board);

#endif
