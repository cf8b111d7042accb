// SPDX-License-Identifier: GPL-2.0
/*
 * An engine's life: made by a back end, shown as /dev/counterflowN, and taken away again in three steps:
 * cf_engine_close() stops what comes in, the back end stops the hardware, cf_engine_unregister() lets go of
 * the memory.
 */
#include "counterflow.h"

#include <linux/module.h>
#include <linux/slab.h>

static void cf_engine_free(struct work_struct *work)
{
	struct cf_engine *engine = container_of(work, struct cf_engine, work);

	put_device(engine->owner);
	put_device(engine->dma_dev);
	mutex_destroy(&engine->lock);
	engine->release(engine);
}

static void cf_engine_release(struct device *dev)
{
	struct cf_engine *engine = container_of(dev, struct cf_engine, dev);

	queue_work(cf_workqueue, &engine->work);
}

/* From here on put_device(&engine->dev) frees the engine, by way of `release`. */
void cf_engine_init(struct cf_engine *engine, const struct cf_engine_ops *ops,
		    struct device *owner, struct device *dma_dev,
		    void (*release)(struct cf_engine *))
{
	INIT_WORK(&engine->work, cf_engine_free);
	device_initialize(&engine->dev);
	engine->dev.class = cf_class;
	engine->dev.parent = dma_dev;
	engine->dev.release = cf_engine_release;
	engine->dev.groups = cf_engine_groups;
	engine->ops = ops;
	engine->release = release;
	engine->owner = get_device(owner);
	engine->dma_dev = get_device(dma_dev);
	engine->alignment = 1;
	mutex_init(&engine->lock);
	INIT_LIST_HEAD(&engine->buffers);
	INIT_LIST_HEAD(&engine->sessions);
	INIT_LIST_HEAD(&engine->all_windows);
}

void cf_channel_init(struct cf_channel *channel, struct cf_engine *engine, enum cf_way way)
{
	channel->engine = engine;
	channel->way = way;
	channel->index = engine->channel_count[way]++;
	engine->channels[way][channel->index] = channel;
	spin_lock_init(&channel->lock);
	INIT_LIST_HEAD(&channel->waiting);
	INIT_LIST_HEAD(&channel->active);
	INIT_LIST_HEAD(&channel->limbo);
}

static void cf_engine_no_windows(struct cf_engine *engine)
{
	mutex_lock(&engine->lock);
	engine->gone = true;
	cf_windows_end(engine);
	mutex_unlock(&engine->lock);
}

/* Shows the engine to user space. The back end is ready to be fed. */
int cf_engine_register(struct cf_engine *engine)
{
	int error;

	error = cf_engine_declare(engine);
	if (error)
		goto out_windows;
	error = cf_devt_get(&engine->dev.devt);
	if (error)
		goto out_declared;
	error = dev_set_name(&engine->dev, "counterflow%u", MINOR(engine->dev.devt));
	if (error)
		goto out_devt;
	cdev_init(&engine->cdev, &cf_fops);
	engine->cdev.owner = THIS_MODULE;
	error = cdev_device_add(&engine->cdev, &engine->dev);
	if (error)
		goto out_devt;
	dev_info(engine->dma_dev, "%s: %u write and %u read channels\n", dev_name(&engine->dev),
		 engine->channel_count[CF_WAY_WRITE], engine->channel_count[CF_WAY_READ]);
	return 0;

out_devt:
	cf_devt_put(engine->dev.devt);
out_declared:
	cf_engine_undeclare(engine);
out_windows:
	cf_engine_no_windows(engine);
	return error;
}

/* Nothing new reaches the hardware once this returns; what it never saw ends with DEVICE_GONE. */
void cf_engine_close(struct cf_engine *engine)
{
	unsigned int way, i;

	cdev_device_del(&engine->cdev, &engine->dev);
	cf_devt_put(engine->dev.devt);
	mutex_lock(&engine->lock);
	engine->gone = true;
	mutex_unlock(&engine->lock);

	for (way = 0; way < CF_WAYS; way++)
		for (i = 0; i < engine->channel_count[way]; i++) {
			struct cf_channel *channel = engine->channels[way][i];
			unsigned long flags;
			LIST_HEAD(reports);

			spin_lock_irqsave(&channel->lock, flags);
			channel->closed = true;
			cf_channel_fail_waiting(channel, CF_STATUS_DEVICE_GONE, &reports);
			spin_unlock_irqrestore(&channel->lock, flags);
			cf_reports_send(&reports);
		}
}

/*
 * The hardware is stopped, or given up: then what it may still reach is on the channels' limbo lists, and is
 * quarantined. All other memory loses its mapping now, while the device still has its driver.
 */
void cf_engine_unregister(struct cf_engine *engine)
{
	struct cf_session *session;
	struct cf_request *request;
	struct cf_buffer *buffer;
	unsigned int way, i;

	cf_engine_undeclare(engine);
	mutex_lock(&engine->lock);
	for (way = 0; way < CF_WAYS; way++)
		for (i = 0; i < engine->channel_count[way]; i++)
			list_for_each_entry(request, &engine->channels[way][i]->limbo, node) {
				cf_buffer_quarantine(request->buffer);
				request->window->quarantined = true;
			}
	cf_windows_end(engine);
	list_for_each_entry(buffer, &engine->buffers, node)
		if (!buffer->quarantined)
			cf_buffer_unmap(buffer);
	list_for_each_entry(session, &engine->sessions, node)
		wake_up_interruptible_all(&session->wait);
	mutex_unlock(&engine->lock);
	put_device(&engine->dev);
}
