// SPDX-License-Identifier: MIT
//
// fd_watch, the handle; what it does is the reactor's business.
#include "runtime/reactor.hpp"
#include "runtime/watch_operation.hpp"

#include <counterflow/error.hpp>

namespace cf::detail {

fd_watch::fd_watch(loop& owner, int fd, callback notify, void* context)
{
    auto* operation = new (std::nothrow) watch_operation;
    if (operation == nullptr) throw error(errc::no_memory, "watching descriptor " + std::to_string(fd));
    operation_ = operation;
    operation->owner = &owner;
    operation->fd = fd;
    operation->notify = notify;
    operation->context = context;
    owner.reactor_->start_watch(*operation);
}

fd_watch::~fd_watch()
{
    if (operation_ != nullptr) operation_->owner->reactor_->stop_watch(*operation_);
}

} // namespace cf::detail
