// SPDX-License-Identifier: MIT
//
// device_core: how a device is put together from its spec and its attachment, and taken apart.
#include "device/core.hpp"

#include "log/log.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace cf::detail {
namespace {

using log::part;

// How far ahead of the link the engine is fed, in link time: enough to bridge the wake-up of a
// sleeping program, little enough that a cancel or a new task does not wait long.
constexpr double in_engine_seconds = 1e-3;
constexpr std::uint64_t in_engine_bytes_min = 256 * 1024;
constexpr std::uint64_t in_engine_bytes_max = 64 * 1024 * 1024;

// A segment is an eighth of that: the grain in which transfers take turns. In whole rounds of the
// backlog, so that the splits of a transfer are as aligned as the transfer.
constexpr std::uint64_t segments_in_engine = 8;
constexpr std::uint64_t segment_bytes_min = 64 * 1024;

std::size_t segment_bytes(std::uint64_t ahead) noexcept
{
    const std::uint64_t bytes = std::clamp<std::uint64_t>(ahead / segments_in_engine, segment_bytes_min,
                                                          round_wheel::segment_bytes_max);
    return static_cast<std::size_t>(bytes / round_wheel::round_bytes * round_wheel::round_bytes);
}

// An interrupt comes at least this often in link time while an engine is busy.
constexpr double interrupt_seconds = 100e-6;
constexpr std::uint32_t moderation_bytes_min = 4096;
constexpr std::uint32_t moderation_bytes_max = 1024 * 1024;

// A driver woken by interrupts comes long after its engine has stopped, so that the next doorbell is hardly
// ever lost; and each look that the loop gets up for costs a timer of the kernel, more than a small transfer.
constexpr edma::nanoseconds rare_recheck_ns = 50'000;

/// What `seconds` of a direction carry, within limits; the upper one on a null link.
std::uint64_t bytes_in(double seconds, double bytes_per_second, std::uint64_t low,
                       std::uint64_t high) noexcept
{
    const double bytes = seconds * bytes_per_second;
    if (!(bytes < static_cast<double>(high))) return high;
    return std::max(low, static_cast<std::uint64_t>(bytes));
}

traffic traffic_of(transfer_kind kind, const device_info& info) noexcept
{
    for (const channel_info& c : info.channels)
        if (c.serves == kind) return c.kind == channel_kind::wr ? traffic::posted : traffic::completions;
    return traffic::none;
}

/// Segments of a channel that the engine itself gave up.
std::uint64_t aborts(const edma::channel_statistics& s) noexcept
{
    constexpr auto first = static_cast<std::size_t>(edma::outcome::unsupported_request);
    constexpr auto last = static_cast<std::size_t>(edma::outcome::aborted);
    std::uint64_t sum = 0;
    for (std::size_t i = first; i <= last; ++i) sum += s.by_outcome[i];
    return sum;
}

} // namespace

/// Tells the core when an engine has raised its interrupt.
struct device_core::interrupt_watch {
    interrupt_watch(device_core& core, edma::engine& engine, edma::register_space& registers)
        : core_(core), engine_(engine), registers_(registers)
    {
        const int fd = registers.interrupt_fd();
        if (fd >= 0)
            watch_ = fd_watch(core.loop_, fd, &interrupt_watch::run, this);
        else
            registers.on_interrupt(&interrupt_watch::run, this);
    }
    interrupt_watch(const interrupt_watch&) = delete;
    interrupt_watch& operator=(const interrupt_watch&) = delete;
    ~interrupt_watch() { registers_.on_interrupt(nullptr, nullptr); }

    static void run(void* self) noexcept
    {
        auto& w = *static_cast<interrupt_watch*>(self);
        w.core_.on_interrupt(w.engine_);
    }

    device_core& core_;
    edma::engine& engine_;
    edma::register_space& registers_;
    fd_watch watch_;
};

/// Tells it when the system wants the device back.
struct device_core::removal_watch {
    explicit removal_watch(device_core& core) : attached_(*core.attached_)
    {
        if (const int fd = attached_.removal_fd(); fd >= 0)
            watch_ = fd_watch(core.loop_, fd, &removal_watch::run, &core);
        else
            attached_.on_removal(&removal_watch::run, &core);
    }
    removal_watch(const removal_watch&) = delete;
    removal_watch& operator=(const removal_watch&) = delete;
    ~removal_watch() { attached_.on_removal(nullptr, nullptr); }

    static void run(void* core) noexcept { static_cast<device_core*>(core)->on_removal(); }

    attachment& attached_;
    fd_watch watch_;
};

device_core::device_core(runtime& loop, const device_spec& spec, std::unique_ptr<attachment> attached)
    : loop_(loop),
      simulation_(loop.simulation()),
      cpu_ns_(simulation_ ? spec.model.cpu_ns : 0),
      attached_(std::move(attached))
{
    describe(spec);
    configure(spec);
    hook_into_loop();
    log::event(part::device, spdlog::level::info, "opened", info_.spec,
               {{"channels", info_.channels.size()}, {"windows", info_.windows.size()}});
}

device_core::~device_core()
{
    stop_engines();
    interrupts_.clear();
    removal_.reset();
    tick_.unlink();
    poller_.unlink();
    loop_.cancel_timer(watchdog_);
    while (!regions_.empty()) unmap_region(*regions_.begin()->second);
    log::event(part::device, spdlog::level::info, "closed", info_.spec);
}

/// What the attachment says of itself.
void device_core::describe(const device_spec& spec)
{
    info_.spec = spec.text;
    info_.near = attached_->near();
    if (const auto file = attached_->kernel()) {
        describe_kernel(*file);
    } else {
        info_.engine = spec.driver().engine;
        info_.submit = spec.driver().submit;
        info_.wake = spec.driver().wake;
    }
    info_.link = attached_->link();
    info_.alignment = attached_->alignment();
    for (const far_window& w : attached_->windows()) info_.windows.push_back({w.name, w.size});
}

/// Engines, and which of their channels serve which kind of transfer.
void device_core::configure(const device_spec& spec)
{
    const bool writes_only = spec.driver().engine == engine_choice::both;
    options_.submit = spec.driver().submit;
    options_.wake = spec.driver().wake;
    if (options_.wake == wake_mode::interrupt) options_.recheck_ns = rare_recheck_ns;
    options_.hang_timeout_ns = spec.driver().hang_ns;
    options_.dropped = [](const void* owner) noexcept {
        return static_cast<const transfer_state*>(owner)->error != 0;
    };

    const double slower = [&] {
        const ceilings most = link_ceilings(info_.link, traffic::posted, traffic::posted);
        return std::min(most.rp_to_ep, most.ep_to_rp);
    }();
    const std::uint64_t ahead = bytes_in(in_engine_seconds, slower, in_engine_bytes_min, in_engine_bytes_max);
    options_.moderation_bytes = static_cast<std::uint32_t>(
        bytes_in(interrupt_seconds, slower, moderation_bytes_min, moderation_bytes_max));
    info_.segment_bytes_max = segment_bytes(ahead);
    if (auto file = attached_->kernel()) return configure_kernel(std::move(file), ahead);

    for (edma::port& p : attached_->engines())
        engines_.push_back(std::make_unique<edma::engine>(p, options_));
    for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read}) {
        for (const auto& engine : engines_) {
            const bool serves = !writes_only || channel_for(kind, engine->side()) == channel_kind::wr;
            if (serves) add_channels(kind, *engine);
        }
        scheduler& s = scheduler_of(kind);
        if (s.channels().empty())
            throw error(errc::not_supported,
                        info_.spec + ": no channel can serve a " + std::string(to_string(kind)));
        s.configure(ahead, static_cast<std::uint32_t>(info_.segment_bytes_max));
    }
}

void device_core::add_channels(transfer_kind kind, edma::engine& engine)
{
    const channel_kind hardware = channel_for(kind, engine.side());
    for (unsigned i = 0; i < engine.channels(hardware); ++i) {
        const auto number = static_cast<unsigned>(info_.channels.size());
        const std::string name = std::string(to_string(engine.side())) + " " +
                                 std::string(to_string(hardware)) + std::to_string(i);
        edma::channel& channel = engine.at(hardware, i);
        info_.channels.push_back(
            {name, kind, engine.side(), hardware, i, channel.has_list() ? channel.capacity() : 0});
        scheduler_of(kind).add({lane(channel), number});
    }
    auto& far = far_addresses_[static_cast<std::size_t>(kind)];
    far.clear();
    for (const far_window& w : attached_->windows()) far.push_back(w.address_for(engine.side()));
}

void device_core::hook_into_loop()
{
    tick_.core = this;
    tick_.run = [](deferred& d) noexcept { static_cast<owned<deferred>&>(d).core->on_tick(); };
    poller_.core = this;
    poller_.poll = [](poller& p) noexcept { return static_cast<owned<poller>&>(p).core->on_poll(); };
    watchdog_.core = this;
    watchdog_.fire = [](timer& t) noexcept { static_cast<owned<timer>&>(t).core->on_watchdog(); };

    const std::span<edma::port> ports = attached_->engines();
    for (std::size_t i = 0; i < ports.size(); ++i)
        interrupts_.push_back(std::make_unique<interrupt_watch>(*this, *engines_[i], *ports[i].registers));
    removal_ = std::make_unique<removal_watch>(*this);
}

/// After this no engine touches memory, or nobody can prove it any more. Bounded by the driver's
/// own stop timeout.
void device_core::stop_engines() noexcept
{
    auto sink = [this](void* owner, edma::outcome outcome) noexcept {
        const bool moved = outcome == edma::outcome::done;
        segment_ended(*static_cast<transfer_state*>(owner), moved ? errc{} : errc::device_gone, loop_.now());
    };
    for (scheduler& s : schedulers_)
        while (transfer_state* const t = s.first_waiting()) fail(*t, errc::device_gone);
    if (kernel_) stop_kernel();
    for (const auto& engine : engines_) engine->stop(loop_.now());
    for (const auto& engine : engines_) {
        while (!engine->quiet()) {
            engine->service(loop_.now(), sink);
            loop_.pause();
        }
        if (engine->state() == edma::engine_state::gone)
            log::event(part::device, spdlog::level::err, "engine not proven stopped", info_.spec);
    }
    while (unasked_) {
        transfer_state& t = *unasked_;
        forget(t);
        t.core = nullptr;
    }
}

served_channel* device_core::find_channel(unsigned channel) noexcept
{
    for (scheduler& s : schedulers_)
        for (served_channel& c : s.channels())
            if (c.number == channel) return &c;
    return nullptr;
}

void device_core::lease(unsigned channel)
{
    served_channel* const wanted = find_channel(channel);
    if (!wanted)
        throw error(errc::no_such_channel, info_.spec + ": channel " + std::to_string(channel) +
                                               " (there are " + std::to_string(info_.channels.size()) + ")");
    const std::string& name = info_.channels[channel].name;
    if (wanted->leased) throw error(errc::busy, info_.spec + ": channel " + name + " is leased");
    const auto& siblings = scheduler_of(info_.channels[channel].serves).channels();
    const auto free = [&](const served_channel& c) {
        return !c.leased && c.by_lease_only == wanted->by_lease_only;
    };
    if (std::ranges::count_if(siblings, free) == 1)
        throw error(errc::busy, info_.spec + ": channel " + name + " is the last one that serves a " +
                                    std::string(to_string(info_.channels[channel].serves)) +
                                    " for everybody");
    wanted->hardware.take();
    scheduler_of(info_.channels[channel].serves).lease(*wanted);
}

void device_core::end_lease(unsigned channel) noexcept
{
    scheduler_of(info_.channels[channel].serves).end_lease(*find_channel(channel));
}

region* device_core::find_region(std::span<const std::byte> memory) noexcept
{
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    for (auto next = regions_.upper_bound(begin); next != regions_.begin();) {
        const auto& [first, r] = *--next;
        if (begin - first <= r->size && memory.size() <= r->size - (begin - first)) return r;
    }
    return nullptr;
}

ceilings device_core::limits(bool write, bool read) const noexcept
{
    const traffic out = write ? traffic_of(transfer_kind::write, info_) : traffic::none;
    const traffic in = read ? traffic_of(transfer_kind::read, info_) : traffic::none;
    const bool out_is_rp_to_ep = direction_of(transfer_kind::write, info_.near) == direction::rp_to_ep;
    return out_is_rp_to_ep ? link_ceilings(info_.link, out, in) : link_ceilings(info_.link, in, out);
}

device_statistics device_core::statistics() const
{
    device_statistics all;
    all.write = counters_[0];
    all.read = counters_[1];
    all.write.queued = schedulers_[0].waiting();
    all.read.queued = schedulers_[1].waiting();
    if (kernel_) {
        count_kernel_channels(all);
        return all;
    }
    for (const channel_info& c : info_.channels) {
        for (const auto& engine : engines_) {
            if (engine->side() != c.side) continue;
            const edma::channel_statistics& s = engine->at(c.kind, c.index).statistics();
            all.channels.push_back(
                {c.name, c.serves, s.segments, s.bytes, s.doorbells, aborts(s), s.restarts});
            all.lost_interrupts += s.lost_interrupts;
        }
    }
    for (const auto& engine : engines_) {
        const edma::engine_statistics& s = engine->statistics();
        all.interrupts += s.interrupts;
        all.spurious_interrupts += s.spurious;
        all.register_loads += s.loads;
        all.register_stores += s.stores;
    }
    return all;
}

} // namespace cf::detail
