// SPDX-License-Identifier: GPL-2.0-only
/* A thermal zone over the first package, with a trip that slows down and one that switches off, and a fan that cools. */
#include <linux/thermal.h>

#include "plant.h"

#define MOST_COOLING 3

static const struct {
	enum thermal_trip_type type;
	int temperature;
} trips[] = { { THERMAL_TRIP_PASSIVE, 90000 }, { THERMAL_TRIP_CRITICAL, 105000 } };

static unsigned long cooling;

static int temperature(struct thermal_zone_device *zone, int *value)
{
	*value = packages[0].temperature;
	return 0;
}

static int trip_type(struct thermal_zone_device *zone, int trip, enum thermal_trip_type *type)
{
	*type = trips[trip].type;
	return 0;
}

static int trip_temperature(struct thermal_zone_device *zone, int trip, int *value)
{
	*value = trips[trip].temperature;
	return 0;
}

static struct thermal_zone_device_ops zone_ops = {
	.get_temp = temperature,
	.get_trip_type = trip_type,
	.get_trip_temp = trip_temperature,
};

static int max_state(struct thermal_cooling_device *device, unsigned long *state)
{
	*state = MOST_COOLING;
	return 0;
}

static int get_state(struct thermal_cooling_device *device, unsigned long *state)
{
	*state = cooling;
	return 0;
}

static int set_state(struct thermal_cooling_device *device, unsigned long state)
{
	cooling = state;
	return 0;
}

static const struct thermal_cooling_device_ops cooling_ops = {
	.get_max_state = max_state,
	.get_cur_state = get_state,
	.set_cur_state = set_state,
};

int zone_register(void)
{
	struct thermal_cooling_device *fan = thermal_cooling_device_register("farmfan", NULL, &cooling_ops);
	struct thermal_zone_device *zone;

	if (IS_ERR(fan))
		return PTR_ERR(fan);
	zone = thermal_zone_device_register("x86_pkg_temp", ARRAY_SIZE(trips), 0, NULL, &zone_ops, NULL, 0, 0);
	return IS_ERR(zone) ? PTR_ERR(zone) : thermal_zone_device_enable(zone);
}
