// SPDX-License-Identifier: MIT
//
// Everything a program usually needs. Each header can be included on its own as well.
#pragma once

#include <counterflow/as_result.hpp>
#include <counterflow/block.hpp>
#include <counterflow/buffer.hpp>
#include <counterflow/device.hpp>
#include <counterflow/direction.hpp>
#include <counterflow/duplex.hpp>
#include <counterflow/error.hpp>
#include <counterflow/event.hpp>
#include <counterflow/feed.hpp>
#include <counterflow/file.hpp>
#include <counterflow/file_descriptor.hpp>
#include <counterflow/io.hpp>
#include <counterflow/link.hpp>
#include <counterflow/log.hpp>
#include <counterflow/read_stream.hpp>
#include <counterflow/record.hpp>
#include <counterflow/registered.hpp>
#include <counterflow/result.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/socket.hpp>
#include <counterflow/socket_address.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/stage.hpp>
#include <counterflow/start.hpp>
#include <counterflow/statistics.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/stream.hpp>
#include <counterflow/task.hpp>
#include <counterflow/time.hpp>
#include <counterflow/transfer.hpp>
#include <counterflow/units.hpp>
#include <counterflow/when_all.hpp>
#include <counterflow/when_any.hpp>
#include <counterflow/window.hpp>
#include <counterflow/write_stream.hpp>
