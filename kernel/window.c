// SPDX-License-Identifier: GPL-2.0
/*
 * Far memory: the ranges that transfers may name. An engine's back end adds what the device itself offers, an
 * administrator declares more with the parameter `windows`. This is the security boundary: an IOMMU polices
 * what the engine does to near memory, nothing polices the far side but cf_window_resolve().
 */
#include "counterflow.h"

#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

/*
 * Each entry "DEVICE;NAME;PLACE;SIZE[;PERMISSIONS]": the device whose engine gets the window ("0000:01:00.0");
 * PLACE is barN+OFFSET of that device, barN+OFFSET@OTHER of another PCI function, or bus+ADDRESS as the
 * engine addresses it; PERMISSIONS out of r, w and p (only for openers with CAP_SYS_ADMIN), else rw.
 */
static char *windows[CF_MAX_WINDOWS];
static int windows_count;
module_param_array_named(windows, windows, charp, &windows_count, 0400);
MODULE_PARM_DESC(windows, "DEVICE;NAME;PLACE;SIZE[;PERMISSIONS]: far memory that transfers may name");

static bool cf_window_named(struct cf_engine *engine, const char *name)
{
	unsigned int i;

	for (i = 0; i < engine->window_count; i++)
		if (!strcmp(engine->windows[i].name, name))
			return true;
	return false;
}

/* Before the engine is registered. */
int cf_window_add(struct cf_engine *engine, const struct cf_window *window)
{
	if (!window->size || window->address + window->size - 1 < window->address ||
	    window->size > BIT_ULL(CF_POSITION_SHIFT))
		return -ERANGE;
	if (!window->name[0] || cf_window_named(engine, window->name))
		return -EEXIST;
	if (engine->window_count == CF_MAX_WINDOWS)
		return -ENOSPC;
	engine->windows[engine->window_count++] = *window;
	return 0;
}

/*
 * Where a BAR lies for the engine. A remote engine that we drive takes the address on the bus; dmaengine's
 * providers take the CPU's and translate it, and so does the outbound translation of a local engine.
 */
static int cf_bar_address(struct cf_engine *engine, const char *function, unsigned int bar,
			  u64 offset, u64 size, u64 *address)
{
	struct pci_dev *pdev = NULL;
	u64 length;
	int error = -ERANGE;

	if (!function)
		function = dev_name(engine->dma_dev);
	for_each_pci_dev(pdev)
		if (!strcmp(pci_name(pdev), function))
			break;
	if (!pdev)
		return -ENODEV;
	if (bar < PCI_STD_NUM_BARS && pci_resource_flags(pdev, bar) & IORESOURCE_MEM) {
		length = pci_resource_len(pdev, bar);
		if (offset < length && size <= length - offset) {
			*address = offset + (engine->cpu_addresses ?
						     pci_resource_start(pdev, bar) :
						     pci_bus_address(pdev, bar));
			error = 0;
		}
	}
	pci_dev_put(pdev);
	return error;
}

static int cf_window_place(struct cf_engine *engine, char *place, u64 size, u64 *address)
{
	char *at = strchr(place, '+');
	char *function;
	unsigned int bar;
	u64 offset;
	int error;

	if (!at)
		return -EINVAL;
	*at++ = '\0';
	function = strchr(at, '@');
	if (function)
		*function++ = '\0';
	error = kstrtou64(at, 0, &offset);
	if (error)
		return error;
	if (!strcmp(place, "bus") && !function) {
		*address = offset;
		return 0;
	}
	if (strncmp(place, "bar", 3) || kstrtouint(place + 3, 10, &bar))
		return -EINVAL;
	return cf_bar_address(engine, function, bar, offset, size, address);
}

static int cf_window_permissions(struct cf_window *window, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case 'r':
			window->flags |= CF_WINDOW_READABLE;
			break;
		case 'w':
			window->flags |= CF_WINDOW_WRITABLE;
			break;
		case 'p':
			window->privileged = true;
			break;
		default:
			return -EINVAL;
		}
	}
	return window->flags ? 0 : -EINVAL;
}

/* 1: declared; 0: it is another device's; else what is wrong with it. `text` is consumed. */
static int cf_window_declare(struct cf_engine *engine, struct device *device, char *text)
{
	struct cf_window window = {};
	char *fields[5] = {};
	unsigned int count;
	int error;

	for (count = 0; text && count < ARRAY_SIZE(fields); count++)
		fields[count] = strsep(&text, ";");
	if (text || count < 4)
		return -EINVAL;
	if (strcmp(fields[0], dev_name(device)))
		return 0;
	if (strscpy(window.name, fields[1], sizeof(window.name)) < 0)
		return -ENAMETOOLONG;
	error = kstrtou64(fields[3], 0, &window.size);
	if (!error)
		error = cf_window_permissions(&window, fields[4] ?: "rw");
	if (!error)
		error = cf_window_place(engine, fields[2], window.size, &window.address);
	if (!error)
		error = cf_window_add(engine, &window);
	return error ?: 1;
}

/* What the administrator has declared for an engine of this device. A bad declaration is an error. */
int cf_windows_declare(struct cf_engine *engine, struct device *device)
{
	int i;

	for (i = 0; i < windows_count; i++) {
		char *text = kstrdup(windows[i], GFP_KERNEL);
		int result;

		if (!text)
			return -ENOMEM;
		result = cf_window_declare(engine, device, text);
		kfree(text);
		if (result < 0) {
			dev_err(device, "windows[%d]: \"%s\": error %d\n", i, windows[i], result);
			return result;
		}
	}
	return 0;
}

/*
 * The endpoint's own memory, as the window "ram", unless the administrator has declared something else: what lies
 * behind the lists in its memory BAR.
 */
int cf_windows_of_endpoint(struct cf_engine *engine, struct pci_dev *pdev)
{
	struct cf_window window = {
		.name = "ram",
		.flags = CF_WINDOW_READABLE | CF_WINDOW_WRITABLE,
	};
	int error = cf_windows_declare(engine, &pdev->dev);

	if (error || engine->window_count ||
	    pci_resource_len(pdev, CF_ENDPOINT_BAR) <= CF_ENDPOINT_LISTS)
		return error;
	window.size = pci_resource_len(pdev, CF_ENDPOINT_BAR) - CF_ENDPOINT_LISTS;
	error = cf_bar_address(engine, NULL, CF_ENDPOINT_BAR, CF_ENDPOINT_LISTS, window.size,
			       &window.address);
	return error ?: cf_window_add(engine, &window);
}

static u32 cf_window_flags(struct cf_session *session, const struct cf_window *window)
{
	return window->privileged && !session->privileged ? 0 : window->flags;
}

int cf_window_info(struct cf_session *session, struct cf_window_info *info)
{
	struct cf_engine *engine = session->engine;
	const struct cf_window *window;

	if (info->reserved[0] || info->reserved[1])
		return -EINVAL;
	if (info->window >= engine->window_count)
		return -ENOENT;
	window = &engine->windows[array_index_nospec(info->window, engine->window_count)];
	info->flags = cf_window_flags(session, window);
	info->size = window->size;
	memcpy(info->name, window->name, sizeof(info->name));
	return 0;
}

/* Where [offset, offset + length) of a window lies for the engine, if this session may go there. */
int cf_window_resolve(struct cf_session *session, u32 index, enum cf_way way, u64 offset,
		      u64 length, u64 *address)
{
	struct cf_engine *engine = session->engine;
	const struct cf_window *window;
	u32 needed = way == CF_WAY_WRITE ? CF_WINDOW_WRITABLE : CF_WINDOW_READABLE;

	if (index >= engine->window_count)
		return -ENOENT;
	window = &engine->windows[array_index_nospec(index, engine->window_count)];
	if (!(cf_window_flags(session, window) & needed))
		return -EACCES;
	if (offset > window->size || length > window->size - offset)
		return -ERANGE;
	*address = window->address + offset;
	return 0;
}
