// SPDX-License-Identifier: MIT
//
// ledger: the oracle of the driver's tests. It hands out ranges of near and far memory, pushes
// transfers of one or more segments, and holds every outcome against them: exactly one a
// segment, in order, `done` only when the bytes are there, and nothing touched once reported.
#pragma once

#include "catch.hpp"
#include "edma/engine.hpp"

#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace cf::edma::test {

/// Both ends' memory, as the CPU and as the engine address it.
struct two_ends {
    std::byte* near;
    std::uint64_t near_address;
    std::byte* far;
    std::uint64_t far_address;
    std::size_t size; ///< of each
};

struct transfer {
    struct piece {
        std::uint64_t offset; ///< in both ends' memory
        std::uint32_t size;
    };
    unsigned number;
    bool near_to_far;
    std::vector<piece> pieces;
    std::size_t pushed = 0;
    bool dropped = false;
    std::vector<outcome> outcomes; ///< in the order reported

    std::size_t count(outcome o) const
    {
        std::size_t n = 0;
        for (outcome x : outcomes) n += x == o;
        return n;
    }
    bool all(outcome o) const { return outcomes.size() == pieces.size() && count(o) == pieces.size(); }
};

class ledger {
public:
    explicit ledger(const two_ends& memory, engine_side side) : memory_(memory), side_(side) {}
    ledger(const ledger&) = delete;
    ledger& operator=(const ledger&) = delete;

    /// A transfer of `sizes.size()` segments over channels of `kind`, in fresh memory.
    transfer& make(channel_kind kind, const std::vector<std::uint32_t>& sizes)
    {
        transfer& t = transfers_.emplace_back();
        t.number = static_cast<unsigned>(transfers_.size());
        t.near_to_far = (kind == channel_kind::wr) == (side_ == engine_side::local);
        for (const std::uint32_t size : sizes) {
            next_ += guard;
            if (next_ + size + guard > memory_.size) throw std::logic_error("the test's memory is too small");
            t.pieces.push_back({next_, size});
            for (std::uint32_t i = 0; i < size; ++i) source(t)[next_ + i] = pattern(t.number, next_ + i);
            std::memset(destination(t) + next_, 0xee, size);
            next_ += size;
        }
        return t;
    }
    /// Pushes the segments of `t` that are not pushed yet, as far as there is room.
    void push(channel& c, transfer& t)
    {
        for (; t.pushed < t.pieces.size() && c.space() > 0; ++t.pushed) {
            const auto& p = t.pieces[t.pushed];
            c.push({memory_.near_address + p.offset, memory_.far_address + p.offset, p.size, &t});
            ++pushed_;
        }
    }
    transfer& push(channel& c, const std::vector<std::uint32_t>& sizes)
    {
        transfer& t = make(c.kind(), sizes);
        push(c, t);
        return t;
    }

    /// Tells the channel that it was pushed to that `t` is not wanted any more.
    static void drop(channel& c, transfer& t)
    {
        std::uint64_t bytes = 0;
        for (const transfer::piece& p : t.pieces) bytes += p.size;
        t.dropped = true;
        c.drop(bytes);
    }
    static bool dropped(const void* owner) noexcept { return static_cast<const transfer*>(owner)->dropped; }
    /// `o` for a driver whose segments this ledger pushes.
    static engine_options options(engine_options o)
    {
        if (!o.dropped) o.dropped = &ledger::dropped;
        return o;
    }

    void operator()(void* owner, outcome o)
    {
        transfer& t = *static_cast<transfer*>(owner);
        const std::size_t n = t.outcomes.size();
        if (n >= t.pushed) return fail(t, "reported once too often");
        t.outcomes.push_back(o);
        ++reported_;
        const auto& p = t.pieces[n];
        if (posted(t)) {
            // Done when it has left: it may land, in the other end's memory, behind its report.
            if (o == outcome::done && !lossy_) landing_.push_back({&t, p.offset, p.size});
            return;
        }
        if (o == outcome::done) {
            if (std::memcmp(near() + p.offset, far() + p.offset, p.size) != 0)
                fail(t, "done, but the bytes are not there");
            if (t.count(outcome::done) != n + 1) fail(t, "done after a segment before it was not");
        }
        if (o == outcome::gone || o == outcome::link_down) return; // may be touched later
        // Whoever touches these bytes from now on is caught by check().
        std::memset(destination(t) + p.offset, 0x5a, p.size);
        finished_.push_back({destination(t) + p.offset, p.size, t.number});
    }

    /// Holds at any time: no reported memory has been touched.
    void check()
    {
        for (const auto& f : finished_)
            for (std::uint32_t i = 0; i < f.size; ++i)
                if (f.at[i] != std::byte{0x5a}) {
                    problems_.push_back("memory of transfer " + std::to_string(f.number) +
                                        " touched after its report");
                    break;
                }
        INFO((problems_.empty() ? std::string() : problems_.front()));
        CHECK(problems_.empty());
        problems_.clear();
    }
    /// Holds in the end: everything was reported, and what was posted is there.
    void check_complete()
    {
        if (!landing_.empty() && settle) settle();
        for (const auto& [t, offset, size] : landing_)
            if (std::memcmp(near() + offset, far() + offset, size) != 0)
                fail(*t, "done, but the bytes never came");
        landing_.clear();
        check();
        CHECK(reported_ == pushed_);
        for (const transfer& t : transfers_) CHECK(t.outcomes.size() == t.pushed);
    }
    /// Forgets what is over, so that its memory can be handed out again.
    void recycle()
    {
        check_complete();
        transfers_.clear();
        finished_.clear();
        next_ = 0;
    }

    /// The link has gone down: what was posted and has not landed is lost, and nobody is told. What is
    /// reported later may have left before.
    void lose_posted() noexcept
    {
        lossy_ = true;
        landing_.clear();
    }
    /// Lets everything land that is on its way; null where nothing ever is.
    std::function<void()> settle;

    std::uint64_t near_address() const { return memory_.near_address; }
    std::deque<transfer>& transfers() { return transfers_; }
    std::uint64_t reported() const { return reported_; }
    std::uint64_t pushed() const { return pushed_; }
    const std::vector<std::string>& problems() const { return problems_; }

private:
    static constexpr std::size_t guard = 3; ///< also puts segments on odd addresses

    struct finished {
        const std::byte* at;
        std::uint32_t size;
        unsigned number;
    };
    struct landing {
        const transfer* t;
        std::uint64_t offset;
        std::uint32_t size;
    };
    /// By a WR channel of the near engine, to memory that the program cannot look at.
    bool posted(const transfer& t) const { return t.near_to_far && side_ == engine_side::local; }
    std::byte* near() const { return memory_.near; }
    std::byte* far() const { return memory_.far; }
    std::byte* source(const transfer& t) const { return t.near_to_far ? near() : far(); }
    std::byte* destination(const transfer& t) const { return t.near_to_far ? far() : near(); }
    static std::byte pattern(unsigned number, std::uint64_t at)
    {
        return static_cast<std::byte>((number * 131 + at * 7 + (at >> 8)) % 199);
    }
    void fail(const transfer& t, const std::string& what)
    {
        problems_.push_back("transfer " + std::to_string(t.number) + ": " + what);
    }

    two_ends memory_;
    engine_side side_;
    std::deque<transfer> transfers_;
    std::vector<finished> finished_;
    std::vector<landing> landing_;
    bool lossy_ = false;
    std::vector<std::string> problems_;
    std::size_t next_ = 0;
    std::uint64_t pushed_ = 0;
    std::uint64_t reported_ = 0;
};

} // namespace cf::edma::test
