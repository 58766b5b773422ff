// SPDX-License-Identifier: GPL-2.0-only
/*
 * EDAC: a controller with two channels of one DIMM each. Writing to the parameter `inject` makes that many corrected errors on the
 * first DIMM, or, if it is negative, uncorrected ones.
 */
#include <linux/edac.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "plant.h"

/* The kernel gives these to drivers that live in drivers/edac, whose header is not among the installed ones. */
struct mem_ctl_info *edac_mc_alloc(unsigned int number, unsigned int layers, struct edac_mc_layer *layer, unsigned int size);
int edac_mc_add_mc_with_groups(struct mem_ctl_info *controller, const struct attribute_group **groups);
void edac_mc_handle_error(const enum hw_event_mc_err_type type, struct mem_ctl_info *controller, const u16 count,
			  const unsigned long page, const unsigned long offset, const unsigned long syndrome,
			  const int top, const int mid, const int low, const char *message, const char *detail);

#define CHANNELS 2

static struct mem_ctl_info *controller;

static int inject(const char *text, const struct kernel_param *parameter)
{
	int count, failed = kstrtoint(text, 0, &count);

	if (failed)
		return failed;
	if (!controller)
		return -ENODEV;
	edac_mc_handle_error(count < 0 ? HW_EVENT_ERR_UNCORRECTED : HW_EVENT_ERR_CORRECTED, controller, abs(count),
			     0x1234, 0, 0, 0, 0, -1, "farmplant", "injected");
	return 0;
}

static const struct kernel_param_ops inject_ops = { .set = inject };
module_param_cb(inject, &inject_ops, NULL, 0200);

static void fill(struct dimm_info *dimm, int channel)
{
	dimm->nr_pages = 1 << 17;
	dimm->grain = 8;
	dimm->mtype = MEM_DDR4;
	dimm->dtype = DEV_X8;
	dimm->edac_mode = EDAC_SECDED;
	snprintf(dimm->label, sizeof(dimm->label), "CPU0_DIMM_%c1", 'A' + channel);
}

int memory_register(struct platform_device *board)
{
	struct edac_mc_layer layers[] = {
		{ .type = EDAC_MC_LAYER_CHANNEL, .size = CHANNELS },
		{ .type = EDAC_MC_LAYER_SLOT, .size = 1 },
	};
	int channel;

	controller = edac_mc_alloc(0, ARRAY_SIZE(layers), layers, 0);
	if (!controller)
		return -ENOMEM;
	controller->pdev = &board->dev;
	controller->mtype_cap = MEM_FLAG_DDR4;
	controller->edac_ctl_cap = controller->edac_cap = EDAC_FLAG_SECDED;
	controller->mod_name = controller->ctl_name = controller->dev_name = "farmplant";
	for (channel = 0; channel < CHANNELS; channel++)
		fill(edac_get_dimm(controller, channel, 0, 0), channel);
	return edac_mc_add_mc_with_groups(controller, NULL);
}
