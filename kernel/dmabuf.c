// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of other devices, imported as a dma-buf: attached and mapped when it is registered, for as long as the
 * buffer lives. Whether it may be reached across PCIe is its exporter's decision.
 */
#include "counterflow.h"

#include <linux/dma-buf.h>

int cf_dmabuf_import(struct cf_buffer *buffer, int fd)
{
	struct sg_table *table;
	struct scatterlist *sg;
	int error, i;

	buffer->dmabuf = dma_buf_get(fd);
	if (IS_ERR(buffer->dmabuf)) {
		error = PTR_ERR(buffer->dmabuf);
		goto out_clear;
	}
	error = -ERANGE;
	if (!buffer->size)
		buffer->size = buffer->dmabuf->size;
	if (!buffer->size || buffer->size > buffer->dmabuf->size)
		goto out_put;
	buffer->attachment = dma_buf_attach(buffer->dmabuf, buffer->engine->dma_dev);
	if (IS_ERR(buffer->attachment)) {
		error = PTR_ERR(buffer->attachment);
		goto out_put;
	}
	table = cf_dmabuf_map(buffer->attachment, buffer->direction);
	if (IS_ERR(table)) {
		error = PTR_ERR(table);
		goto out_detach;
	}
	error = -EINVAL;
	for_each_sgtable_dma_sg(table, sg, i)
		if (!sg_dma_len(sg))
			goto out_unmap;
	buffer->dmabuf_table = table;
	return 0;

out_unmap:
	cf_dmabuf_unmap(buffer->attachment, table, buffer->direction);
out_detach:
	dma_buf_detach(buffer->dmabuf, buffer->attachment);
out_put:
	dma_buf_put(buffer->dmabuf);
out_clear:
	buffer->dmabuf = NULL;
	return error;
}

void cf_dmabuf_release(struct cf_buffer *buffer)
{
	cf_dmabuf_unmap(buffer->attachment, buffer->dmabuf_table, buffer->direction);
	dma_buf_detach(buffer->dmabuf, buffer->attachment);
	dma_buf_put(buffer->dmabuf);
	buffer->dmabuf = NULL;
}
