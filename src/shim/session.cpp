// SPDX-License-Identifier: MIT
//
// The calls of the module's ABI that are made rarely: everything but moving data.
#include "shim/session.hpp"

#include "shim/status.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cf::shim {
namespace {

template <class T>
int call(int fd, unsigned long request, T& argument) noexcept
{
    return ::ioctl(fd, request, &argument) < 0 ? errno : 0;
}

/// The limit as the system's tools would show it.
std::string memory_limit()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur) + " bytes";
}

bool limited() noexcept
{
    rlimit limit{};
    return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

} // namespace

session::session(const std::string& path, std::optional<kernel_way> wanted) : path_(path)
{
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd_ < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
        throw error(errc::no_such_device, path + ": load counterflow.ko, and see docs/kernel.md for how it "
                                                 "gets an engine");
    if (fd_ < 0) throw error(failure{{errno, std::system_category()}, path + ": open"});
    try {
        ask();
        way_ = choose_way(info_, wanted, path_);
        set_up();
    } catch (...) {
        release();
        throw;
    }
}

session::~session() { release(); }

void session::release() noexcept
{
    // A mapping holds the file, and so the session.
    for (const std::span<std::byte> m : mapped_) ::munmap(m.data(), m.size());
    if (event_ >= 0) ::close(event_);
    ::close(fd_);
}

void session::fail(int number, const std::string& doing) const
{
    if (number == ENOMEM && limited())
        throw error(errc::memlock_exceeded, path_ + ": " + doing + " with a limit of " + memory_limit());
    throw error(to_errc(number), path_ + ": " + doing);
}

/// What the device is, and its windows.
void session::ask()
{
    if (const int number = call(fd_, CF_IOC_INFO, info_)) {
        if (number == ENODEV) fail(number, "asking what it is");
        throw error(errc::not_supported,
                    path_ + ": not a device of counterflow.ko, or of another version of it");
    }
    for (std::uint32_t i = 0; i < info_.windows; ++i) {
        cf_window_info window{};
        window.window = i;
        const int number = call(fd_, CF_IOC_WINDOW, window);
        if (number == ENOENT) continue; // taken away since it was counted
        if (number != 0) fail(number, "asking for window " + std::to_string(i));
        windows_.push_back(window);
    }
}

void* session::map(std::uint64_t offset, std::uint64_t bytes)
{
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(offset));
    if (at == MAP_FAILED) fail(errno, "mapping its rings");
    mapped_.emplace_back(static_cast<std::byte*>(at), bytes);
    return at;
}

void session::set_up()
{
    if (way_ == kernel_way::rw) return;
    cf_setup setup{};
    (way_ == kernel_way::ring ? setup.completions : setup.slots) = 2 * operations_each;
    if (const int number = call(fd_, CF_IOC_SETUP, setup)) fail(number, "setting up its rings");
    if (way_ == kernel_way::uring_cmd) {
        slots_ = static_cast<cf_transfer*>(map(setup.slots_offset, setup.slots_bytes));
        return;
    }
    ring_ = static_cast<cf_ring*>(map(setup.ring_offset, setup.ring_bytes));
    event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_ < 0) throw error(failure{{errno, std::system_category()}, path_ + ": eventfd"});
    cf_eventfd event{};
    event.fd = event_;
    if (const int number = call(fd_, CF_IOC_EVENTFD, event)) fail(number, "setting its eventfd");
}

std::uint64_t session::add(std::byte* memory, std::size_t size)
{
    cf_buffer_add add{};
    add.kind = CF_BUFFER_USER;
    add.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    add.address = reinterpret_cast<std::uintptr_t>(memory);
    add.length = size;
    if (const int number = call(fd_, CF_IOC_BUFFER_ADD, add))
        fail(number, "registering " + std::to_string(size) + " bytes");
    const std::uint64_t address =
        way_ == kernel_way::rw ? add.address : std::uint64_t{add.buffer} << near_handle_shift;
    buffers_.push_back({address, size, add.buffer});
    return address;
}

void session::remove(std::uint64_t address, std::size_t size) noexcept
{
    const auto found = std::ranges::find_if(
        buffers_, [&](const added& b) { return b.address == address && b.size == size; });
    cf_handle handle{found->handle, 0};
    call(fd_, CF_IOC_BUFFER_REMOVE, handle); // fails only when it is gone anyway
    *found = buffers_.back();
    buffers_.pop_back();
}

std::uint32_t session::lease(std::uint16_t direction, unsigned channel)
{
    cf_lease lease{};
    lease.direction = direction;
    lease.channel = channel;
    lease.flags = CF_LEASE_EXCLUSIVE;
    if (const int number = call(fd_, CF_IOC_LEASE, lease))
        fail(number, "leasing channel " + std::to_string(channel));
    return lease.lease;
}

void session::end_lease(std::uint32_t handle) noexcept
{
    cf_handle lease{handle, 0};
    call(fd_, CF_IOC_LEASE_END, lease); // fails only when it is gone anyway
}

unsigned session::cancel(const cf_cancel& what) noexcept
{
    cf_cancel cancel = what;
    return call(fd_, CF_IOC_CANCEL, cancel) == 0 ? cancel.matched : 0;
}

unsigned session::cancel(std::uint64_t tag) noexcept { return cancel(cf_cancel{tag, 0, 0}); }
unsigned session::cancel_all() noexcept { return cancel(cf_cancel{0, CF_CANCEL_ALL, 0}); }

} // namespace cf::shim
