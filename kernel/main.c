// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: device numbers, the class, the work queue, and the back ends, each of which
 * registers the engines it finds or is given.
 */
#include "counterflow.h"

#include <linux/idr.h>
#include <linux/module.h>

#define CF_MINORS 64

static uint timeout_ms = 10000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "deadline of a transfer that names none, 1..60000 (default 10000)");

struct workqueue_struct *cf_workqueue;
struct class *cf_class;
static dev_t cf_first_devt;
static DEFINE_IDA(cf_minors);

u64 cf_default_timeout_ns(void)
{
	return (u64)clamp(READ_ONCE(timeout_ms), 1u, 60000u) * NSEC_PER_MSEC;
}

int cf_devt_get(dev_t *devt)
{
	int minor = ida_alloc_max(&cf_minors, CF_MINORS - 1, GFP_KERNEL);

	if (minor < 0)
		return minor;
	*devt = MKDEV(MAJOR(cf_first_devt), minor);
	return 0;
}

void cf_devt_put(dev_t devt)
{
	ida_free(&cf_minors, MINOR(devt));
}

static int __init cf_init(void)
{
	int error;

	cf_workqueue = alloc_workqueue("counterflow", WQ_UNBOUND, 0);
	if (!cf_workqueue)
		return -ENOMEM;
	error = cf_request_cache_create();
	if (error)
		goto out_workqueue;
	error = alloc_chrdev_region(&cf_first_devt, 0, CF_MINORS, "counterflow");
	if (error)
		goto out_cache;
	cf_class = cf_class_create("counterflow");
	if (IS_ERR(cf_class)) {
		error = PTR_ERR(cf_class);
		goto out_chrdev;
	}
	error = cf_declarations_init();
	if (error)
		goto out_class;
	error = cf_ring_pci_init();
	if (error)
		goto out_declarations;
	error = cf_ring_port_init();
	if (error)
		goto out_ring;
	error = cf_dmae_init();
	if (error)
		goto out_port;
	return 0;

out_port:
	cf_ring_port_exit();
out_ring:
	cf_ring_pci_exit();
out_declarations:
	cf_declarations_exit();
out_class:
	class_destroy(cf_class);
out_chrdev:
	unregister_chrdev_region(cf_first_devt, CF_MINORS);
out_cache:
	cf_request_cache_destroy();
out_workqueue:
	destroy_workqueue(cf_workqueue);
	return error;
}

/* Every session is closed, and nothing is quarantined: both hold the module. */
static void __exit cf_exit(void)
{
	cf_dmae_exit();
	cf_ring_port_exit();
	cf_ring_pci_exit();
	cf_declarations_exit();
	destroy_workqueue(cf_workqueue); /* buffers and sessions that are being released */
	rcu_barrier();
	class_destroy(cf_class);
	unregister_chrdev_region(cf_first_devt, CF_MINORS);
	cf_request_cache_destroy();
	ida_destroy(&cf_minors);
}

module_init(cf_init);
module_exit(cf_exit);

MODULE_DESCRIPTION("Full-duplex PCIe DMA for user space");
MODULE_AUTHOR("counterflow maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
CF_IMPORT_DMA_BUF;
