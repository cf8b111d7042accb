// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/counterflow/counterflowN/: what the engine is, and counters since it was registered. For an
 * administrator, and for tests that compare before and after.
 */
#include "counterflow.h"

static struct cf_engine *to_engine(struct device *dev)
{
	return container_of(dev, struct cf_engine, dev);
}

static ssize_t backend_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	bool ring = to_engine(dev)->ops->backend == CF_BACKEND_RING;

	return sysfs_emit(buf, "%s\n", ring ? "ring" : "dmaengine");
}
static DEVICE_ATTR_RO(backend);

static ssize_t side_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  to_engine(dev)->side == CF_SIDE_LOCAL ? "local" : "remote");
}
static DEVICE_ATTR_RO(side);

static ssize_t channels_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct cf_engine *engine = to_engine(dev);

	return sysfs_emit(buf, "write=%u read=%u\n", engine->channel_count[CF_WAY_WRITE],
			  engine->channel_count[CF_WAY_READ]);
}
static DEVICE_ATTR_RO(channels);

/* Names and sizes only: where a window lies is nobody's business. */
static ssize_t windows_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct cf_engine *engine = to_engine(dev);
	const struct cf_window *window;
	ssize_t at = 0;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < CF_MAX_WINDOWS; i++) {
		window = rcu_dereference(engine->windows[i]);
		if (!window)
			continue;
		at += sysfs_emit_at(buf, at, "%s %llu %s%s%s\n", window->name, window->size,
				    window->flags & CF_WINDOW_READABLE ? "r" : "",
				    window->flags & CF_WINDOW_WRITABLE ? "w" : "",
				    window->privileged ? "p" : "");
	}
	rcu_read_unlock();
	return at;
}
static DEVICE_ATTR_RO(windows);

static ssize_t alignment_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_engine(dev)->alignment);
}
static DEVICE_ATTR_RO(alignment);

static struct attribute *facts[] = {
	&dev_attr_backend.attr,
	&dev_attr_side.attr,
	&dev_attr_channels.attr,
	&dev_attr_windows.attr,
	&dev_attr_alignment.attr,
	NULL,
};

static const struct attribute_group facts_group = { .attrs = facts };

#define CF_COUNTER(_name, _member)                                                             \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *attr,         \
				    char *buf)                                                 \
	{                                                                                      \
		return sysfs_emit(buf, "%lld\n",                                               \
				  (long long)atomic64_read(&to_engine(dev)->statistics._member)); \
	}                                                                                      \
	static DEVICE_ATTR_RO(_name)

CF_COUNTER(write_transfers, transfers[CF_WAY_WRITE]);
CF_COUNTER(read_transfers, transfers[CF_WAY_READ]);
CF_COUNTER(write_bytes, bytes[CF_WAY_WRITE]);
CF_COUNTER(read_bytes, bytes[CF_WAY_READ]);
CF_COUNTER(failed, failed);
CF_COUNTER(canceled, canceled);
CF_COUNTER(timed_out, timed_out);
CF_COUNTER(interrupts, interrupts);
CF_COUNTER(doorbells, doorbells);
CF_COUNTER(rerings, rerings);
CF_COUNTER(lost_interrupts, lost_interrupts);
CF_COUNTER(restarts, restarts);
CF_COUNTER(register_loads, register_loads);
CF_COUNTER(register_stores, register_stores);
CF_COUNTER(pinned_pages, pinned_pages);
CF_COUNTER(quarantined_pages, quarantined_pages);

static struct attribute *counters[] = {
	&dev_attr_write_transfers.attr,
	&dev_attr_read_transfers.attr,
	&dev_attr_write_bytes.attr,
	&dev_attr_read_bytes.attr,
	&dev_attr_failed.attr,
	&dev_attr_canceled.attr,
	&dev_attr_timed_out.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_doorbells.attr,
	&dev_attr_rerings.attr,
	&dev_attr_lost_interrupts.attr,
	&dev_attr_restarts.attr,
	&dev_attr_register_loads.attr,
	&dev_attr_register_stores.attr,
	&dev_attr_pinned_pages.attr,
	&dev_attr_quarantined_pages.attr,
	NULL,
};

static const struct attribute_group counters_group = { .name = "counters", .attrs = counters };

const struct attribute_group *cf_engine_groups[] = { &facts_group, &counters_group, NULL };
