// SPDX-License-Identifier: GPL-2.0-only
/* hwmon: the CPUs' own chip, a board with sensors that fail in all the ways that real ones do, and a chip behind a slow bus. */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/hwmon.h>

#include "plant.h"

#define CRITICAL 95000
#define SLOW_MS 2500

static umode_t visible(const void *data, enum hwmon_sensor_types type, u32 attribute, int channel)
{
	return type == hwmon_pwm ? 0644 : 0444;
}

static int read_cpu(struct device *device, enum hwmon_sensor_types type, u32 attribute, int channel, long *value)
{
	*value = attribute == hwmon_temp_crit ? CRITICAL : packages[channel].temperature;
	return 0;
}

static int label_cpu(struct device *device, enum hwmon_sensor_types type, u32 attribute, int channel, const char **text)
{
	*text = channel ? "Package id 1" : "Package id 0";
	return 0;
}

/* temp1 measures; temp2 is not connected, temp3 has nothing to say yet, temp4 tells of its own fault. */
static int board_temperature(u32 attribute, int channel, long *value)
{
	static const int failed[] = { 0, -EIO, -ENODATA, 0 };

	if (attribute == hwmon_temp_fault)
		*value = 1;
	else if (failed[channel])
		return failed[channel];
	else
		*value = channel ? -128000 : 31500;
	return 0;
}

static int read_board(struct device *device, enum hwmon_sensor_types type, u32 attribute, int channel, long *value)
{
	switch (type) {
	case hwmon_temp:
		return board_temperature(attribute, channel, value);
	case hwmon_fan:
		*value = attribute == hwmon_fan_alarm ? fans[channel].rpm == 0 : fans[channel].rpm;
		return 0;
	case hwmon_power:
		*value = packages[0].power_uw + packages[1].power_uw;
		return 0;
	case hwmon_in:
		*value = 12096;
		return 0;
	case hwmon_pwm:
		*value = attribute == hwmon_pwm_enable ? fans[channel].mode : fans[channel].pwm;
		return refusal(attribute == hwmon_pwm_enable ? PWM_ENABLE : PWM, READ_OF);
	default:
		return -EOPNOTSUPP;
	}
}

/* As with it87: while the chip drives a fan itself, its duty cycle is not to be written. */
static int write_board(struct device *device, enum hwmon_sensor_types type, u32 attribute, int channel, long value)
{
	int refused = refusal(attribute == hwmon_pwm_enable ? PWM_ENABLE : PWM, WRITE_OF);

	if (refused)
		return refused;
	if (value < 0 || value > (attribute == hwmon_pwm_enable ? AUTOMATIC : 255))
		return -EINVAL;
	if (attribute == hwmon_pwm_enable)
		fans[channel].mode = value;
	else if (fans[channel].mode != MANUAL)
		return -EBUSY;
	else
		fans[channel].pwm = value;
	return 0;
}

static int read_slowly(struct device *device, enum hwmon_sensor_types type, u32 attribute, int channel, long *value)
{
	msleep(SLOW_MS);
	*value = 27000;
	return 0;
}

static const struct hwmon_ops cpu_ops = { .is_visible = visible, .read = read_cpu, .read_string = label_cpu };
static const struct hwmon_ops board_ops = { .is_visible = visible, .read = read_board, .write = write_board };
static const struct hwmon_ops slow_ops = { .is_visible = visible, .read = read_slowly };

#define OF_CPU (HWMON_T_INPUT | HWMON_T_CRIT | HWMON_T_LABEL)

static const struct hwmon_channel_info *cpu_channels[] = { HWMON_CHANNEL_INFO(temp, OF_CPU, OF_CPU), NULL };
static const struct hwmon_channel_info *board_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT, HWMON_T_INPUT, HWMON_T_INPUT, HWMON_T_INPUT | HWMON_T_FAULT),
	HWMON_CHANNEL_INFO(fan, HWMON_F_INPUT | HWMON_F_ALARM, HWMON_F_INPUT | HWMON_F_ALARM),
	HWMON_CHANNEL_INFO(pwm, HWMON_PWM_INPUT | HWMON_PWM_ENABLE, HWMON_PWM_INPUT | HWMON_PWM_ENABLE),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT),
	HWMON_CHANNEL_INFO(in, HWMON_I_INPUT),
	NULL,
};
static const struct hwmon_channel_info *slow_channels[] = { HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT), NULL };

static const struct hwmon_chip_info cpu_chip = { .ops = &cpu_ops, .info = cpu_channels };
static const struct hwmon_chip_info board_chip = { .ops = &board_ops, .info = board_channels };
static const struct hwmon_chip_info slow_chip = { .ops = &slow_ops, .info = slow_channels };

int sensors_register(struct platform_device *board)
{
	struct device *device = &board->dev;
	struct device *cpu, *quick, *slow;

	cpu = hwmon_device_register_with_info(device, "coretemp", NULL, &cpu_chip, NULL);
	quick = hwmon_device_register_with_info(device, "farmboard", NULL, &board_chip, NULL);
	slow = hwmon_device_register_with_info(device, "slowboard", NULL, &slow_chip, NULL);
	return PTR_ERR_OR_ZERO(cpu) ?: PTR_ERR_OR_ZERO(quick) ?: PTR_ERR_OR_ZERO(slow);
}
