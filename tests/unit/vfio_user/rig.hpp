// SPDX-License-Identifier: MIT
//
// An endpoint with a session, a client that plays QEMU in front of it, and a driver's few steps on top:
// memory that is shared, BARs that are placed, lists that are written to BAR2.
#pragma once

#include "client.hpp"
#include "edma/registers.hpp"
#include "vfio_user/session.hpp"

#include <atomic>
#include <optional>
#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <sys/mman.h>

namespace cf::vfio_user::test {

namespace reg = edma::reg;
namespace ctl = edma::ctl;

/// In an element: the program is to be told. The engine is across the link, so it is by message.
inline constexpr std::uint32_t tell = ctl::local_int | ctl::remote_int;

inline model_spec null_link()
{
    model_spec spec;
    spec.link.generation = 0;
    spec.wr = spec.rd = 2;
    return spec;
}

inline model_spec paced()
{
    model_spec spec = null_link();
    spec.link.generation = 1;
    spec.link.lanes = 1;
    return spec;
}

/// A file of memory, mapped here.
class shared_memory {
public:
    explicit shared_memory(std::size_t size) : file_(::memfd_create("test", MFD_CLOEXEC)), size_(size)
    {
        REQUIRE(::ftruncate(file_, static_cast<off_t>(size)) == 0);
        map();
    }
    shared_memory(int file, std::size_t size) : file_(file), size_(size) { map(); }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory()
    {
        ::munmap(at_, size_);
        ::close(file_);
    }

    int file() const { return file_; }
    std::byte* data() const { return at_; }
    std::span<std::byte> bytes() const { return {at_, size_}; }
    void fill(unsigned seed) const
    {
        std::minstd_rand random(seed);
        for (std::byte& each : bytes()) each = static_cast<std::byte>(random() >> 8);
    }

private:
    void map()
    {
        void* const at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
        REQUIRE(at != MAP_FAILED);
        at_ = static_cast<std::byte*>(at);
    }

    int file_;
    std::size_t size_;
    std::byte* at_ = nullptr;
};

/// An eventfd that interrupts end in.
class event {
public:
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    event() = default;
    ~event() { ::close(fd_); }
    int fd() const { return fd_; }
    std::uint64_t count() const
    {
        eventfd_t value = 0;
        return ::eventfd_read(fd_, &value) == 0 ? value : 0;
    }
    /// Waits for one; false when none came in ten seconds.
    bool wait() const
    {
        pollfd ready{fd_, POLLIN, 0};
        return ::poll(&ready, 1, 10'000) == 1;
    }

private:
    int fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

struct rig {
    static constexpr std::uint64_t ram_at = 0x4000'0000, bar2_at = 0x8000'0000, msi_at = 0xfee0'0000;
    static constexpr std::uint16_t msi_data = 0x4020;
    static constexpr std::size_t ram_size = 4u << 20;

    explicit rig(const model_spec& spec = null_link(), const endpoint_options& options = {})
        : device(spec, options),
          sockets(make_sockets()),
          session_(std::in_place, file_descriptor(sockets[0]), device),
          client_(sockets[1], [this] { open = open && session_->serve(); })
    {
    }

    static std::array<int, 2> make_sockets()
    {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        return ends;
    }

    answer greet() { return client_.ask(command::version, bytes_of(version_payload{0, 1}, "{}")); }

    // Regions.
    answer read_region(std::uint32_t region, std::uint64_t offset, std::uint32_t count)
    {
        return client_.ask(command::region_read, bytes_of(region_payload{offset, region, count}));
    }
    template <class T>
    T read(std::uint32_t region, std::uint64_t offset)
    {
        return read_region(region, offset, sizeof(T)).template as<T>(sizeof(region_payload));
    }
    template <class T>
    int write(std::uint32_t region, std::uint64_t offset, T value)
    {
        return client_
            .ask(command::region_write, bytes_of(region_payload{offset, region, sizeof value}, value))
            .error();
    }
    std::uint32_t load(std::uint32_t offset) { return read<std::uint32_t>(region_bar0, offset); }
    void store(std::uint32_t offset, std::uint32_t value) { REQUIRE(write(region_bar0, offset, value) == 0); }

    // Memory.
    int dma_map(std::uint64_t address, std::uint64_t size, int file, std::uint64_t offset = 0)
    {
        const std::array files{file};
        return client_
            .ask(command::dma_map,
                 bytes_of(dma_map_payload{32, dma_readable | dma_writable, offset, address, size}),
                 std::span(files).first(file >= 0 ? 1 : 0))
            .error();
    }
    answer dma_unmap(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0)
    {
        return client_.ask(command::dma_unmap, bytes_of(dma_unmap_payload{24, flags, address, size}));
    }

    // Interrupts.
    int set_irqs(std::uint32_t flags, std::uint32_t index, std::uint32_t start, std::uint32_t count,
                 std::span<const int> files = {}, const std::vector<std::byte>& bools = {})
    {
        const auto payload = joined(bytes_of(set_irqs_payload{20, flags, index, start, count}), bools);
        return client_.ask(command::device_set_irqs, payload, files).error();
    }
    int connect_vector(std::uint32_t index, std::uint32_t vector, const event& to)
    {
        const std::array files{to.fd()};
        return set_irqs(data_eventfd | action_trigger, index, vector, 1, files);
    }

    /// What firmware and a driver do: memory shared, BAR2 placed and mapped, bus mastering on, MSI set up
    /// and told to the engine.
    void bring_up(const event& interrupt)
    {
        REQUIRE(greet().error() == 0);
        ram.emplace(ram_size);
        REQUIRE(dma_map(ram_at, ram_size, ram->file()) == 0);
        const answer info = client_.ask(command::device_get_region_info,
                                        bytes_of(region_info_payload{32, 0, region_bar2, 0, 0, 0}));
        bar2.emplace(info.file, bar2_size);
        REQUIRE(write(region_config, 0x18, bar2_at) == 0);
        REQUIRE(write(region_config, 0x04, std::uint16_t{6}) == 0);
        set_up_msi();
        REQUIRE(connect_vector(irq_msi, 0, interrupt) == 0);
        tell_engine();
    }
    /// Where its messages go. Lost when the engine loses its state.
    void tell_engine()
    {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
            const reg::bank& at = reg::of(kind);
            store(at.done_imwr_low, msi_at);
            store(at.abort_imwr_low, msi_at);
            store(at.imwr_data, msi_data);
        }
    }
    void set_up_msi()
    {
        REQUIRE(write(region_config, 0x54, msi_at) == 0);
        REQUIRE(write(region_config, 0x5c, msi_data) == 0);
        REQUIRE(write(region_config, 0x52, std::uint16_t{1}) == 0);
    }

    // A list in BAR2, one element after another from its start.
    void element(std::uint32_t control, std::uint32_t size, std::uint64_t source, std::uint64_t destination)
    {
        const edma::data_element data{control,
                                      size,
                                      static_cast<std::uint32_t>(source),
                                      static_cast<std::uint32_t>(source >> 32),
                                      static_cast<std::uint32_t>(destination),
                                      static_cast<std::uint32_t>(destination >> 32)};
        std::memcpy(bar2->data() + list_end, &data, sizeof data);
        list_end += sizeof data;
    }
    void link_back()
    {
        const edma::link_element link{ctl::link | ctl::cycle, 0, static_cast<std::uint32_t>(bar2_at), 0};
        std::memcpy(bar2->data() + list_end, &link, sizeof link);
        list_end += sizeof link;
    }
    /// Starts channel 0 of a kind on the list.
    void start(channel_kind kind)
    {
        const reg::bank& at = reg::of(kind);
        element(0, 0, 0, 0); // the end
        store(at.engine_enable, edma::engine_on);
        store(at.int_mask, 0);
        store(at.list_err_enable, edma::abort_bit(0) | edma::done_bit(0)); // by line and by message
        store(reg::channel(kind, 0, reg::ch_control1), ctl::list_enable | ctl::consumer_cycle);
        store(reg::channel(kind, 0, reg::ch_llp_low), static_cast<std::uint32_t>(bar2_at));
        store(reg::channel(kind, 0, reg::ch_llp_high), 0);
        store(at.doorbell, 0);
        list_end = 0;
    }

    endpoint device;
    bool open = true;
    std::array<int, 2> sockets;
    std::optional<session> session_;
    client client_;
    std::optional<shared_memory> ram, bar2;
    std::size_t list_end = 0;
};

} // namespace cf::vfio_user::test
