// SPDX-License-Identifier: GPL-2.0
/*
 * Windows declared at run time: /sys/kernel/config/counterflow/DEVICE/windows/NAME/ with place, size, permissions and
 * enable. A declaration outlives its device: when one of that name appears, it gets what is enabled for it.
 *
 * Every folder holds the module. All that is written here is under cf_declarations_lock.
 */
#include "counterflow.h"

#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/slab.h>

/* A device's folder; it need not be there. */
struct cf_folder {
	struct config_group group;
	struct config_group windows;
};

struct cf_item {
	struct config_item item;
	struct list_head node; /* of all */
	struct cf_folder *folder; /* is there while this item is in it; NULL: taken out */
	struct cf_declaration declaration;
	bool enabled;
	struct cf_window *window; /* what it became at an engine that is there; referenced */
};

static LIST_HEAD(cf_items);

static struct cf_item *to_cf_item(struct config_item *item)
{
	return container_of(item, struct cf_item, item);
}

static const char *cf_item_device(const struct cf_item *item)
{
	return config_item_name(&item->folder->group.cg_item);
}

/* ---- switching a window on and off ---- */

static int cf_item_apply(struct cf_item *item, struct cf_engine *engine)
{
	struct cf_window *window;
	int error = cf_declare(engine, &item->declaration, &window);

	item->enabled = !error;
	if (error)
		return error;
	item->window = window;
	return 0;
}

static int cf_item_enable(struct cf_item *item)
{
	struct cf_engine *engine;

	if (item->enabled)
		return 0;
	if (!item->folder)
		return -ENODEV;
	if (!item->declaration.place[0] || !item->declaration.size) {
		pr_err("counterflow: window \"%s\": write place and size before enable\n",
		       item->declaration.name);
		return -EINVAL;
	}
	engine = cf_engine_named(cf_item_device(item));
	if (engine)
		return cf_item_apply(item, engine);
	item->enabled = true; /* checked when the device comes */
	return 0;
}

/* Returns the window that was closed, with its reference; NULL: there was none. */
static struct cf_window *cf_item_disable(struct cf_item *item)
{
	struct cf_window *window = item->window;

	item->enabled = false;
	item->window = NULL;
	if (window)
		cf_window_close(window);
	return window;
}

/* The windows that are enabled for an engine that appears; those that it cannot have are switched off. */
unsigned int cf_configfs_declare(struct cf_engine *engine)
{
	struct cf_item *item;
	unsigned int count = 0;

	lockdep_assert_held(&cf_declarations_lock);
	list_for_each_entry(item, &cf_items, node)
		if (item->enabled && !strcmp(cf_item_device(item), dev_name(engine->owner)))
			count += !cf_item_apply(item, engine);
	return count;
}

/* The engine goes away; what is enabled stays so, for the next. */
void cf_configfs_undeclare(struct cf_engine *engine)
{
	struct cf_item *item;

	lockdep_assert_held(&cf_declarations_lock);
	list_for_each_entry(item, &cf_items, node)
		if (item->window && item->window->engine == engine) {
			cf_window_put(item->window);
			item->window = NULL;
		}
}

/* ---- the files ---- */

/* What is written, without white space around it; longer than `size` is an error. */
static int cf_word(const char *page, size_t count, char *word, size_t size)
{
	char *stripped;

	if (count >= size)
		return -ENAMETOOLONG;
	memcpy(word, page, count);
	word[count] = '\0';
	stripped = strim(word);
	memmove(word, stripped, strlen(stripped) + 1);
	return 0;
}

static ssize_t cf_item_place_show(struct config_item *config, char *page)
{
	ssize_t length;

	mutex_lock(&cf_declarations_lock);
	length = sprintf(page, "%s\n", to_cf_item(config)->declaration.place);
	mutex_unlock(&cf_declarations_lock);
	return length;
}

static ssize_t cf_item_place_store(struct config_item *config, const char *page, size_t count)
{
	struct cf_item *item = to_cf_item(config);
	char word[CF_PLACE_BYTES];
	int error;

	error = cf_word(page, count, word, sizeof(word)) ?: cf_place_check(word);
	if (error) {
		pr_err("counterflow: window \"%s\": a place is barN+OFFSET, barN+OFFSET@FUNCTION or bus+ADDRESS\n",
		       item->declaration.name);
		return error;
	}
	mutex_lock(&cf_declarations_lock);
	if (item->enabled)
		error = -EBUSY;
	else
		strscpy(item->declaration.place, word, sizeof(item->declaration.place));
	mutex_unlock(&cf_declarations_lock);
	return error ?: count;
}
CONFIGFS_ATTR(cf_item_, place);

static ssize_t cf_item_size_show(struct config_item *config, char *page)
{
	return sprintf(page, "%llu\n", READ_ONCE(to_cf_item(config)->declaration.size));
}

static ssize_t cf_item_size_store(struct config_item *config, const char *page, size_t count)
{
	struct cf_item *item = to_cf_item(config);
	u64 size;
	int error;

	error = kstrtou64(page, 0, &size);
	if (error)
		return error;
	mutex_lock(&cf_declarations_lock);
	if (item->enabled)
		error = -EBUSY;
	else
		WRITE_ONCE(item->declaration.size, size);
	mutex_unlock(&cf_declarations_lock);
	return error ?: count;
}
CONFIGFS_ATTR(cf_item_, size);

static ssize_t cf_item_permissions_show(struct config_item *config, char *page)
{
	const struct cf_declaration *declaration = &to_cf_item(config)->declaration;
	ssize_t length;

	mutex_lock(&cf_declarations_lock);
	length = sprintf(page, "%s%s%s\n", declaration->flags & CF_WINDOW_READABLE ? "r" : "",
			 declaration->flags & CF_WINDOW_WRITABLE ? "w" : "",
			 declaration->privileged ? "p" : "");
	mutex_unlock(&cf_declarations_lock);
	return length;
}

static ssize_t cf_item_permissions_store(struct config_item *config, const char *page,
					 size_t count)
{
	struct cf_item *item = to_cf_item(config);
	char word[8];
	int error;

	error = cf_word(page, count, word, sizeof(word));
	if (error)
		return error;
	mutex_lock(&cf_declarations_lock);
	error = item->enabled ? -EBUSY : cf_permissions_parse(word, &item->declaration);
	mutex_unlock(&cf_declarations_lock);
	return error ?: count;
}
CONFIGFS_ATTR(cf_item_, permissions);

static ssize_t cf_item_enable_show(struct config_item *config, char *page)
{
	return sprintf(page, "%d\n", READ_ONCE(to_cf_item(config)->enabled));
}

/* A 0 returns when the engine is proven past the last transfer; those in flight are cancelled. */
static ssize_t cf_item_enable_store(struct config_item *config, const char *page, size_t count)
{
	struct cf_item *item = to_cf_item(config);
	struct cf_window *window = NULL;
	bool enable;
	int error;

	error = kstrtobool(page, &enable);
	if (error)
		return error;
	mutex_lock(&cf_declarations_lock);
	if (enable)
		error = cf_item_enable(item);
	else
		window = cf_item_disable(item);
	mutex_unlock(&cf_declarations_lock);
	if (window) {
		error = cf_window_wait(window);
		if (error == -EBUSY)
			pr_err("counterflow: window \"%s\" is closed, but the engine was not proven past its transfers; unbind its driver\n",
			       item->declaration.name);
		cf_window_put(window);
	}
	return error ?: count;
}
CONFIGFS_ATTR(cf_item_, enable);

static struct configfs_attribute *cf_item_attributes[] = {
	&cf_item_attr_place,
	&cf_item_attr_size,
	&cf_item_attr_permissions,
	&cf_item_attr_enable,
	NULL,
};

/* ---- the folders ---- */

static void cf_item_release(struct config_item *config)
{
	kfree(to_cf_item(config));
}

static struct configfs_item_operations cf_item_operations = { .release = cf_item_release };

static const struct config_item_type cf_item_type = {
	.ct_item_ops = &cf_item_operations,
	.ct_attrs = cf_item_attributes,
	.ct_owner = THIS_MODULE,
};

static struct config_item *cf_item_make(struct config_group *group, const char *name)
{
	struct cf_item *item;

	if (strlen(name) >= CF_NAME_BYTES)
		return ERR_PTR(-ENAMETOOLONG);
	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(&item->item, name, &cf_item_type);
	item->folder = container_of(group, struct cf_folder, windows);
	strscpy(item->declaration.name, name, sizeof(item->declaration.name));
	item->declaration.flags = CF_WINDOW_READABLE | CF_WINDOW_WRITABLE;
	mutex_lock(&cf_declarations_lock);
	list_add_tail(&item->node, &cf_items);
	mutex_unlock(&cf_declarations_lock);
	return &item->item;
}

/* rmdir: as a 0 to `enable`, but nobody can wait here. */
static void cf_item_drop(struct config_group *group, struct config_item *config)
{
	struct cf_item *item = to_cf_item(config);
	struct cf_window *window;

	mutex_lock(&cf_declarations_lock);
	list_del(&item->node);
	item->folder = NULL;
	window = cf_item_disable(item);
	mutex_unlock(&cf_declarations_lock);
	if (window)
		cf_window_put(window);
	config_item_put(config);
}

static struct configfs_group_operations cf_windows_operations = {
	.make_item = cf_item_make,
	.drop_item = cf_item_drop,
};

static const struct config_item_type cf_windows_type = {
	.ct_group_ops = &cf_windows_operations,
	.ct_owner = THIS_MODULE,
};

static void cf_folder_release(struct config_item *config)
{
	kfree(container_of(to_config_group(config), struct cf_folder, group));
}

static struct configfs_item_operations cf_folder_operations = { .release = cf_folder_release };

static const struct config_item_type cf_folder_type = {
	.ct_item_ops = &cf_folder_operations,
	.ct_owner = THIS_MODULE,
};

static struct config_group *cf_folder_make(struct config_group *group, const char *name)
{
	struct cf_folder *folder = kzalloc(sizeof(*folder), GFP_KERNEL);

	if (!folder)
		return ERR_PTR(-ENOMEM);
	config_group_init_type_name(&folder->group, name, &cf_folder_type);
	config_group_init_type_name(&folder->windows, "windows", &cf_windows_type);
	configfs_add_default_group(&folder->windows, &folder->group);
	return &folder->group;
}

static struct configfs_group_operations cf_root_operations = { .make_group = cf_folder_make };

static const struct config_item_type cf_root_type = {
	.ct_group_ops = &cf_root_operations,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem cf_root = {
	.su_group = {
		.cg_item = { .ci_namebuf = "counterflow", .ci_type = &cf_root_type },
	},
};

int cf_configfs_init(void)
{
	config_group_init(&cf_root.su_group);
	mutex_init(&cf_root.su_mutex);
	return configfs_register_subsystem(&cf_root);
}

void cf_configfs_exit(void)
{
	configfs_unregister_subsystem(&cf_root);
	mutex_destroy(&cf_root.su_mutex);
}
