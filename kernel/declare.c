// SPDX-License-Identifier: GPL-2.0
/*
 * Who says what windows an engine has: an administrator, with the parameter `windows` or through configfs; without a
 * word from him, an endpoint's own memory. Everything said is checked, and refused with a line in the log.
 */
#include "counterflow.h"

#include <linux/module.h>
#include <linux/notifier.h>
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

DEFINE_MUTEX(cf_declarations_lock);
static LIST_HEAD(cf_engines); /* [cf_declarations_lock] */

/* ---- places ---- */

struct cf_place {
	bool in_bar; /* else `offset` is an address */
	unsigned int bar;
	u64 offset;
	char function[CF_NAME_BYTES]; /* "": the engine's own */
};

/* barN+OFFSET, barN+OFFSET@FUNCTION, bus+ADDRESS */
static int cf_place_parse(const char *text, struct cf_place *place)
{
	char copy[CF_PLACE_BYTES], *number, *function;

	if (strscpy(copy, text, sizeof(copy)) < 0)
		return -ENAMETOOLONG;
	number = strchr(copy, '+');
	if (!number)
		return -EINVAL;
	*number++ = '\0';
	function = strchr(number, '@');
	if (function)
		*function++ = '\0';
	if (strscpy(place->function, function ?: "", sizeof(place->function)) < 0)
		return -ENAMETOOLONG;
	place->in_bar = strcmp(copy, "bus") || function;
	if (place->in_bar && (strncmp(copy, "bar", 3) || kstrtouint(copy + 3, 10, &place->bar) ||
			      place->bar >= PCI_STD_NUM_BARS))
		return -EINVAL;
	return kstrtou64(number, 0, &place->offset);
}

int cf_place_check(const char *text)
{
	struct cf_place place;

	return cf_place_parse(text, &place);
}

int cf_permissions_parse(const char *text, struct cf_declaration *declaration)
{
	bool privileged = false;
	u32 flags = 0;

	for (; *text; text++) {
		switch (*text) {
		case 'r':
			flags |= CF_WINDOW_READABLE;
			break;
		case 'w':
			flags |= CF_WINDOW_WRITABLE;
			break;
		case 'p':
			privileged = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!flags)
		return -EINVAL;
	declaration->flags = flags;
	declaration->privileged = privileged;
	return 0;
}

/*
 * Where a BAR lies for the engine. A remote engine that we drive takes the address on the bus; dmaengine's
 * providers take the CPU's and translate it, and so does the outbound translation of a local engine.
 */
static u64 cf_bar_address(const struct cf_engine *engine, struct pci_dev *pdev, unsigned int bar)
{
	return engine->cpu_addresses ? pci_resource_start(pdev, bar) : pci_bus_address(pdev, bar);
}

static int cf_place_in_bar(struct cf_engine *engine, const struct cf_place *place, u64 size,
			   struct cf_window *window, const char **why)
{
	const char *function = place->function[0] ? place->function : dev_name(engine->owner);
	struct pci_dev *pdev = NULL;
	int error = -ERANGE;
	u64 length;

	*why = "there is no such PCI function; name one behind @";
	for_each_pci_dev(pdev)
		if (!strcmp(pci_name(pdev), function))
			break;
	if (!pdev)
		return -ENODEV;
	*why = "the function has no memory BAR of that number, or it ends before";
	length = pci_resource_len(pdev, place->bar);
	if (pci_resource_flags(pdev, place->bar) & IORESOURCE_MEM && place->offset < length &&
	    size <= length - place->offset) {
		window->place = cf_bar_address(engine, pdev, place->bar) + place->offset;
		window->function = pdev;
		error = 0;
	}
	pci_dev_put(pdev);
	return error;
}

static int cf_place_find(struct cf_engine *engine, const struct cf_declaration *declaration,
			 struct cf_window *window, const char **why)
{
	struct cf_place place;
	int error;

	*why = "its place is none of barN+OFFSET, barN+OFFSET@FUNCTION, bus+ADDRESS";
	error = cf_place_parse(declaration->place, &place);
	if (error)
		return error;
	if (place.in_bar)
		return cf_place_in_bar(engine, &place, declaration->size, window, why);
	*why = "a memory engine reaches BARs only; name its place by barN+OFFSET@FUNCTION";
	if (engine->maps_windows)
		return -EOPNOTSUPP;
	window->place = place.offset;
	return 0;
}

/* ---- engines ---- */

/* The device's own memory gives way to what is declared. */
static void cf_own_close(struct cf_engine *engine)
{
	struct cf_window *window, *found = NULL;

	mutex_lock(&engine->lock);
	list_for_each_entry(window, &engine->all_windows, node)
		if (window->own && !window->closed) {
			kref_get(&window->ref);
			found = window;
		}
	mutex_unlock(&engine->lock);
	if (!found)
		return;
	cf_window_close(found);
	cf_window_put(found);
}

/* `window` gets a reference. cf_declarations_lock is held. */
int cf_declare(struct cf_engine *engine, const struct cf_declaration *declaration,
	       struct cf_window **window)
{
	struct cf_window said = {
		.size = declaration->size,
		.flags = declaration->flags,
		.privileged = declaration->privileged,
	};
	const char *why;
	int error;

	lockdep_assert_held(&cf_declarations_lock);
	strscpy(said.name, declaration->name, sizeof(said.name));
	error = cf_place_find(engine, declaration, &said, &why);
	if (!error)
		error = cf_window_add(engine, &said, window, &why);
	if (!error)
		cf_own_close(engine);
	else
		dev_err(engine->owner, "window \"%s\" at %s, %llu bytes, is refused (%d): %s\n",
			declaration->name, declaration->place, declaration->size, error, why);
	return error;
}

/* 1: a window of this engine; 0: of another; else what is wrong with it. `text` is consumed. */
static int cf_parameter_parse(const struct cf_engine *engine, char *text,
			      struct cf_declaration *declaration)
{
	char *fields[5] = {};
	unsigned int count;
	int error;

	for (count = 0; text && count < ARRAY_SIZE(fields); count++)
		fields[count] = strsep(&text, ";");
	if (text || count < 4)
		return -EINVAL;
	if (strcmp(fields[0], dev_name(engine->owner)))
		return 0;
	if (strscpy(declaration->name, fields[1], sizeof(declaration->name)) < 0 ||
	    strscpy(declaration->place, fields[2], sizeof(declaration->place)) < 0)
		return -ENAMETOOLONG;
	error = kstrtou64(fields[3], 0, &declaration->size);
	return error ?: cf_permissions_parse(fields[4] ?: "rw", declaration) ?: 1;
}

/* The number of windows, or an error: a bad parameter keeps the device from appearing. */
static int cf_parameters_declare(struct cf_engine *engine)
{
	int count = 0, i;

	for (i = 0; i < windows_count; i++) {
		struct cf_declaration declaration = {};
		char *text = kstrdup(windows[i], GFP_KERNEL);
		struct cf_window *window;
		int result;

		if (!text)
			return -ENOMEM;
		result = cf_parameter_parse(engine, text, &declaration);
		kfree(text);
		if (result < 0)
			dev_err(engine->owner,
				"windows[%d], \"%s\", is not DEVICE;NAME;PLACE;SIZE[;PERMISSIONS] (%d)\n",
				i, windows[i], result);
		if (result > 0) {
			result = cf_declare(engine, &declaration, &window);
			if (!result)
				cf_window_put(window);
			count += !result;
		}
		if (result < 0)
			return result;
	}
	return count;
}

static int cf_own_declare(struct cf_engine *engine)
{
	struct cf_window said = {
		.name = "ram",
		.place = engine->own.address,
		.size = engine->own.size,
		.flags = CF_WINDOW_READABLE | CF_WINDOW_WRITABLE,
		.own = true,
	};
	struct cf_window *window;
	const char *why;
	int error;

	if (!said.size)
		return 0;
	error = cf_window_add(engine, &said, &window, &why);
	if (error)
		dev_err(engine->owner, "its own memory cannot be a window (%d): %s\n", error, why);
	else
		cf_window_put(window);
	return error;
}

/* Gives an engine that is about to be registered its windows. */
int cf_engine_declare(struct cf_engine *engine)
{
	int result;

	mutex_lock(&cf_declarations_lock);
	result = cf_parameters_declare(engine);
	if (result >= 0)
		result += cf_configfs_declare(engine);
	if (!result)
		result = cf_own_declare(engine);
	if (result >= 0)
		list_add_tail(&engine->node, &cf_engines);
	else
		cf_configfs_undeclare(engine);
	mutex_unlock(&cf_declarations_lock);
	return min(result, 0);
}

/* Nothing is declared for it any more. */
void cf_engine_undeclare(struct cf_engine *engine)
{
	mutex_lock(&cf_declarations_lock);
	list_del(&engine->node);
	cf_configfs_undeclare(engine);
	mutex_unlock(&cf_declarations_lock);
}

/* NULL: no such device has an engine now. cf_declarations_lock is held, and keeps it. */
struct cf_engine *cf_engine_named(const char *name)
{
	struct cf_engine *engine;

	lockdep_assert_held(&cf_declarations_lock);
	list_for_each_entry(engine, &cf_engines, node)
		if (!strcmp(dev_name(engine->owner), name))
			return engine;
	return NULL;
}

static void cf_engine_reserve(struct cf_engine *engine, struct pci_dev *pdev, unsigned int bar,
			      u64 size)
{
	struct cf_range *range = &engine->reserved[engine->reserved_count];

	if (!size)
		return;
	range->address = cf_bar_address(engine, pdev, bar);
	range->size = size;
	engine->reserved_count++;
}

/*
 * The engine sits in this endpoint, its registers in BAR `registers`, its lists where Synopsys endpoints have them:
 * neither may be reached through a window. Behind the lists is the device's own memory.
 */
void cf_engine_is_endpoint(struct cf_engine *engine, struct pci_dev *pdev, unsigned int registers)
{
	u64 memory = pci_resource_len(pdev, CF_ENDPOINT_BAR);
	u64 lists = min_t(u64, memory, CF_ENDPOINT_LISTS);

	cf_engine_reserve(engine, pdev, registers, pci_resource_len(pdev, registers));
	cf_engine_reserve(engine, pdev, CF_ENDPOINT_BAR, lists);
	engine->own.address = cf_bar_address(engine, pdev, CF_ENDPOINT_BAR) + lists;
	engine->own.size = memory - lists;
}

/* ---- functions that go ---- */

/* Another device may get the addresses of a function that was unplugged: no window may lead there. */
static int cf_function_goes(struct notifier_block *block, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct cf_engine *engine;
	struct cf_window *window;
	unsigned int i;

	if (event != BUS_NOTIFY_DEL_DEVICE)
		return NOTIFY_DONE;
	mutex_lock(&cf_declarations_lock);
	list_for_each_entry(engine, &cf_engines, node)
		for (i = 0; i < CF_MAX_WINDOWS; i++) {
			rcu_read_lock();
			window = rcu_dereference(engine->windows[i]);
			if (window && (window->function != pdev ||
				       !kref_get_unless_zero(&window->ref)))
				window = NULL;
			rcu_read_unlock();
			if (!window)
				continue;
			dev_warn(engine->owner, "window \"%s\" goes with %s\n", window->name,
				 pci_name(pdev));
			cf_window_close(window);
			cf_window_put(window);
		}
	mutex_unlock(&cf_declarations_lock);
	return NOTIFY_OK;
}

static struct notifier_block cf_function_block = { .notifier_call = cf_function_goes };

int cf_declarations_init(void)
{
	int error = bus_register_notifier(&pci_bus_type, &cf_function_block);

	if (error)
		return error;
	error = cf_configfs_init();
	if (error)
		bus_unregister_notifier(&pci_bus_type, &cf_function_block);
	return error;
}

void cf_declarations_exit(void)
{
	cf_configfs_exit();
	bus_unregister_notifier(&pci_bus_type, &cf_function_block);
}
