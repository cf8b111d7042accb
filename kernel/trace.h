/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: a transfer submitted, a transfer over, an engine's abort and recovery. For perf and ftrace.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM counterflow

#if !defined(CF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CF_TRACE_H

#include "counterflow.h"

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(cf_request,
	TP_PROTO(struct cf_request *request),
	TP_ARGS(request),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u8, way)
		__field(u8, channel)
		__field(u32, status)
		__field(u64, tag)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->dev = request->channel->engine->dev.devt;
		__entry->way = request->channel->way;
		__entry->channel = request->channel->index;
		__entry->status = request->result.status;
		__entry->tag = request->result.tag;
		__entry->length = request->length;
	),
	TP_printk("counterflow%u %s%u tag=%#llx length=%llu status=%u", MINOR(__entry->dev),
		  __entry->way ? "read" : "write", __entry->channel, __entry->tag,
		  __entry->length, __entry->status)
);

DEFINE_EVENT(cf_request, cf_submit,
	TP_PROTO(struct cf_request *request),
	TP_ARGS(request)
);

DEFINE_EVENT(cf_request, cf_complete,
	TP_PROTO(struct cf_request *request),
	TP_ARGS(request)
);

TRACE_EVENT(cf_recover,
	TP_PROTO(struct cf_channel *channel, u32 control1, u32 errors),
	TP_ARGS(channel, control1, errors),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u8, way)
		__field(u8, channel)
		__field(u32, control1)
		__field(u32, errors)
	),
	TP_fast_assign(
		__entry->dev = channel->engine->dev.devt;
		__entry->way = channel->way;
		__entry->channel = channel->index;
		__entry->control1 = control1;
		__entry->errors = errors;
	),
	TP_printk("counterflow%u %s%u control1=%#x errors=%#x", MINOR(__entry->dev),
		  __entry->way ? "read" : "write", __entry->channel, __entry->control1,
		  __entry->errors)
);

#endif /* CF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
