// SPDX-License-Identifier: MIT
//
// model_rig: the driver on the modelled engine, whose clock the test turns, with the ledger
// over the memory of both ends.
#pragma once

#include "ledger.hpp"
#include "model/stepped.hpp"

#include <algorithm>

namespace cf::edma::test {

/// A model to test on: a strict one, so that its journal shows what real hardware might refuse.
inline model_spec strict_model(unsigned generation = 3, unsigned lanes = 4)
{
    model_spec spec;
    spec.link.generation = generation;
    spec.link.lanes = lanes;
    spec.wr = 2;
    spec.rd = 2;
    spec.ram_bytes = 1 << 20;
    spec.strict = true;
    return spec;
}

struct model_rig {
    explicit model_rig(const model_spec& spec, const engine_options& o = {}, bool lists = true,
                       unsigned which = 0)
        : dev(spec),
          near(spec.ram_bytes),
          number(which),
          port(make_port(lists)),
          book({near.data(), dev.map(near.data(), near.size()), dev.far_memory().data(),
                dev.windows()[0].address_for(port.side), near.size()},
               port.side),
          driver(port, ledger::options(o))
    {
        book.settle = [this] { dev.run_until_idle(); };
    }

    channel& wr(unsigned n = 0) { return driver.at(channel_kind::wr, n); }
    channel& rd(unsigned n = 0) { return driver.at(channel_kind::rd, n); }
    model::faults& faults() { return dev.injected(); }

    /// One thing happens: an interrupt is served, the model takes a step, or a deadline passes.
    template <class Sink>
    void turn(Sink&& sink)
    {
        if (interrupts_work && dev.take_interrupts(number) != 0) return driver.service(dev.now(), sink);
        const nanoseconds deadline = driver.next_deadline();
        const auto event = dev.hardware().next_event();
        if (event && *event <= deadline) {
            dev.step();
            while (looks && driver.poll(dev.now(), sink)) {
            } // messages come while it looks
        } else if (deadline != never) {
            dev.advance_to(std::max(dev.now(), deadline));
            driver.service(dev.now(), sink);
        }
    }
    /// Until everything is reported. Bounded, so that a driver that waits for ever fails.
    void finish(std::uint64_t limit = 1'000'000)
    {
        for (; book.reported() < book.pushed(); --limit) {
            REQUIRE(limit != 0);
            turn(book);
        }
        check();
    }
    template <class Done>
    void until(Done done, std::uint64_t limit = 1'000'000)
    {
        for (; !done(); --limit) {
            REQUIRE(limit != 0);
            turn(book);
        }
    }
    void check()
    {
        book.check();
        for (const model::violation& v : dev.violations().entries()) {
            INFO(model::to_string(v.kind) << " on " << to_string(v.channel_of) << unsigned{v.channel}
                                          << ", value " << v.value << ", at " << v.at << " ns");
            CHECK(expected == v.kind);
        }
        dev.violations().clear();
    }

    model::stepped dev;
    std::vector<std::byte> near;
    unsigned number; ///< of the engine
    struct port port;
    ledger book;
    engine driver;
    bool interrupts_work = true;
    bool looks = false; ///< poll after every step of the model
    /// The one violation this test provokes on purpose.
    std::optional<model::violation_kind> expected;

private:
    struct port make_port(bool lists)
    {
        struct port p = dev.engines()[number];
        if (!lists) {
            p.wr_lists.clear();
            p.rd_lists.clear();
        }
        return p;
    }
};

} // namespace cf::edma::test
