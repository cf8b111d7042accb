// SPDX-License-Identifier: MIT
//
// The parser of control commands, and what each of them sets.
#include "vfio_user/control.hpp"

#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace cf::vfio_user {
namespace {

using model::faults;
using effect = model::signal_fault::effect;

std::string quoted(std::string_view text)
{
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
        '?');
    return "'" + out + "'";
}

/// A command taken apart: its name and what stands behind its commas.
class words {
public:
    explicit words(std::string_view text)
    {
        for (std::string_view rest = text;;) {
            const std::size_t comma = rest.find(',');
            parts_.push_back(rest.substr(0, comma));
            if (comma == std::string_view::npos) return;
            rest.remove_prefix(comma + 1);
        }
    }

    std::string_view name() const noexcept { return parts_.front(); }

    /// Refuses keys that are not among `known`, separated by spaces, and keys given twice.
    void check_keys(std::string_view known) const
    {
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            const std::string_view key = key_of(parts_[i]);
            if (key.empty() ||
                (" " + std::string(known) + " ").find(" " + std::string(key) + " ") == std::string::npos)
                fail("unknown key " + quoted(key) + "; " +
                     (known.empty() ? "it has no keys" : "its keys are " + std::string(known)));
            for (std::size_t j = 1; j < i; ++j)
                if (key_of(parts_[j]) == key) fail(std::string(key) + " is given twice; keep one of them");
        }
    }

    std::optional<std::string_view> value(std::string_view key) const
    {
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            if (key_of(parts_[i]) != key) continue;
            const std::size_t equals = parts_[i].find('=');
            return equals == std::string_view::npos ? "" : parts_[i].substr(equals + 1);
        }
        return std::nullopt;
    }

    std::uint64_t number(std::string_view key, std::uint64_t otherwise, std::uint64_t least) const
    {
        const auto text = value(key);
        if (!text) return otherwise;
        std::uint64_t result = 0;
        const char* const end = text->data() + text->size();
        const auto [rest, status] = std::from_chars(text->data(), end, result);
        if (status != std::errc{} || rest != end || result < least)
            refuse(key, *text, "a number, at least " + std::to_string(least));
        return result;
    }

    model::nanoseconds time(std::string_view key, std::optional<model::nanoseconds> otherwise = {}) const
    {
        constexpr model::nanoseconds most = 3600ull * 1'000'000'000;
        const auto text = value(key);
        if (!text && otherwise) return *otherwise;
        if (!text) fail(std::string(key) + " is missing; write " + std::string(key) + "=10ms");
        const model::nanoseconds ns = parse_duration_ns(*text, std::string(name()) + ": " + std::string(key));
        if (ns > most) refuse(key, *text, "at most 3600s");
        return ns;
    }

    [[noreturn]] void refuse(std::string_view key, std::string_view value, const std::string& instead) const
    {
        fail(std::string(key) + " is " + quoted(value) + "; it must be " + instead);
    }
    [[noreturn]] void fail(const std::string& what) const
    {
        throw error(errc::bad_argument, quoted(name()) + ": " + what);
    }

private:
    static std::string_view key_of(std::string_view part) { return part.substr(0, part.find('=')); }

    std::vector<std::string_view> parts_;
};

/// channel=wr0, or a whole kind: channel=rd. Without it: all.
model::fault_target target(const words& w)
{
    const auto text = w.value("channel");
    if (!text) return {};
    model::fault_target result;
    if (text->starts_with("wr")) result.kind = channel_kind::wr;
    if (text->starts_with("rd")) result.kind = channel_kind::rd;
    const bool numbered = text->size() == 3 && (*text)[2] >= '0' && (*text)[2] <= '7';
    if (!result.kind || (text->size() != 2 && !numbered))
        w.refuse("channel", *text, "wr, rd, wr0 to wr7 or rd0 to rd7");
    if (numbered) result.channel = static_cast<unsigned>((*text)[2] - '0');
    return result;
}

model::abort_cause cause(const words& w)
{
    using enum model::abort_cause;
    constexpr std::array names{std::pair{"unsupported_request", unsupported_request},
                               std::pair{"completer_abort", completer_abort},
                               std::pair{"completion_timeout", completion_timeout},
                               std::pair{"poisoned", poisoned},
                               std::pair{"local_bus_error", local_bus_error},
                               std::pair{"list_fetch_error", list_fetch_error},
                               std::pair{"unnamed", unnamed}};
    const auto text = w.value("cause");
    if (!text) return unsupported_request;
    std::string known;
    for (const auto& [name, value] : names) {
        if (*text == name) return value;
        known += (known.empty() ? "" : ", ") + std::string(name);
    }
    w.refuse("cause", *text, "one of " + known);
}

void set_faults(endpoint& device, auto&& set)
{
    device.with_machine([&](model::machine& m, model::nanoseconds) { set(m.injected()); });
}

void set_link(endpoint& device, bool up)
{
    device.with_machine([&](model::machine& m, model::nanoseconds now) { m.set_link(up, now); });
}

/// The engine's interrupt and its messages alike: an element that raises both loses both.
void set_signals(endpoint& device, const words& w, model::signal_fault fault)
{
    fault.nth = w.number("nth", 1, 1);
    fault.times = w.number("times", 1, 0);
    set_faults(device, [&](faults& f) {
        f.interrupts(fault);
        f.messages(fault);
    });
}

void do_abort(endpoint& device, const words& w)
{
    const model::abort_fault fault{.at = target(w),
                                   .cause = cause(w),
                                   .element = w.number("element", 1, 1),
                                   .after_bytes = w.number("bytes", 0, 0),
                                   .times = w.number("times", 1, 0)};
    set_faults(device, [&](faults& f) { f.add(fault); });
}

void do_lose(endpoint& device, const words& w) { set_signals(device, w, {.what = effect::lose}); }

void do_double(endpoint& device, const words& w)
{
    constexpr std::uint64_t most = 1000;
    const std::uint64_t copies = w.number("copies", 2, 2);
    if (copies > most) w.refuse("copies", *w.value("copies"), "2 to 1000");
    set_signals(device, w,
                {.what = effect::repeat,
                 .copies = static_cast<unsigned>(copies),
                 .delay = w.time("time", 1'000'000)});
}

void do_late_interrupt(endpoint& device, const words& w)
{
    set_signals(device, w, {.what = effect::delay, .delay = w.time("time")});
}

void do_late_start(endpoint& device, const words& w)
{
    set_faults(device, [&](faults& f) { f.late_start(target(w), w.time("time")); });
}

void do_late_completion(endpoint& device, const words& w)
{
    set_faults(device, [&](faults& f) { f.late_completion(target(w), w.time("time")); });
}

void do_late_stop(endpoint& device, const words& w)
{
    set_faults(device, [&](faults& f) { f.late_stop(target(w), w.time("time")); });
}

void do_hang(endpoint& device, const words& w)
{
    const bool for_good = w.value("for-good").has_value();
    set_faults(device, [&](faults& f) { f.hang({.at = target(w), .survives_reset = for_good}); });
}

void do_clear(endpoint& device, const words&)
{
    set_faults(device, [](faults& f) { f.clear(); });
}

void do_link_down(endpoint& device, const words&) { set_link(device, false); }
void do_link_up(endpoint& device, const words&) { set_link(device, true); }

void do_exit(endpoint& device, const words& w) { device.vanish_at_doorbell(w.number("doorbell", 0, 1)); }

struct verb {
    std::string_view name;
    std::string_view keys;
    void (*act)(endpoint&, const words&);
};

constexpr std::array verbs{
    verb{"abort", "element cause bytes times channel", do_abort},
    verb{"lost-interrupt", "nth times", do_lose},
    verb{"doubled-interrupt", "nth times copies time", do_double},
    verb{"late-interrupt", "nth times time", do_late_interrupt},
    verb{"late-start", "time channel", do_late_start},
    verb{"late-completion", "time channel", do_late_completion},
    verb{"late-stop", "time channel", do_late_stop},
    verb{"hang", "channel for-good", do_hang},
    verb{"link-down", "", do_link_down},
    verb{"link-up", "", do_link_up},
    verb{"clear", "", do_clear},
    verb{"exit", "doorbell", do_exit},
};

std::string statistics(endpoint& device)
{
    const endpoint_statistics s = device.statistics();
    return "loads=" + std::to_string(s.loads) + " stores=" + std::to_string(s.stores) +
           " doorbells=" + std::to_string(s.engine.doorbells) +
           " elements=" + std::to_string(s.engine.elements) + " aborts=" + std::to_string(s.engine.aborts) +
           " interrupts=" + std::to_string(s.interrupts);
}

} // namespace

std::string execute(endpoint& device, std::string_view text)
{
    const words w(text);
    if (w.name() == "statistics") {
        w.check_keys("");
        return statistics(device);
    }
    std::string known;
    for (const verb& v : verbs) {
        if (v.name == w.name()) {
            w.check_keys(v.keys);
            v.act(device, w);
            return "ok";
        }
        known += std::string(v.name) + ", ";
    }
    throw error(errc::bad_argument,
                quoted(w.name()) + " is no command; the commands are " + known + "statistics");
}

} // namespace cf::vfio_user
