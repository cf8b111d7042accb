// SPDX-License-Identifier: MIT
//
// puppet_rig: a puppet, the driver on it, and the ledger, with a clock the test turns.
#pragma once

#include "ledger.hpp"
#include "puppet.hpp"

namespace cf::edma::test {

struct puppet_rig {
    explicit puppet_rig(const puppet::options& hardware = {}, const engine_options& o = {})
        : hw(hardware),
          book({hw.near(), puppet::near_base, hw.far(), puppet::far_base, puppet::memory_bytes},
               hardware.side),
          driver(hw.port(), ledger::options(o))
    {
    }

    channel& wr(unsigned n = 0) { return driver.at(channel_kind::wr, n); }
    channel& rd(unsigned n = 0) { return driver.at(channel_kind::rd, n); }

    void service()
    {
        hw.posted = 0;
        driver.service(now, book);
    }
    bool poll() { return driver.poll(now, book); }
    void after(nanoseconds time)
    {
        now += time;
        service();
    }
    /// Turns the clock to the driver's next deadline and serves it.
    void next()
    {
        const nanoseconds at = driver.next_deadline();
        REQUIRE(at != never);
        now = std::max(now, at);
        service();
    }
    /// Lets engine and driver go on until everything is reported. Bounded, so that a driver that
    /// waits for something that never comes fails instead of hanging.
    void finish()
    {
        for (unsigned turns = 0; book.reported() < book.pushed(); ++turns) {
            REQUIRE(turns < 100'000);
            hw.run();
            ++now;
            if (hw.interrupting() || driver.next_deadline() <= now)
                service();
            else if (driver.next_deadline() != never)
                next();
        }
        check();
    }
    void check()
    {
        book.check();
        INFO((hw.violations.empty() ? std::string() : hw.violations.front()));
        CHECK(hw.violations.empty());
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
            for (unsigned n = 0; n < driver.channels(kind); ++n)
                if (driver.at(kind, n).outstanding() == 0) CHECK(driver.at(kind, n).outstanding_bytes() == 0);
    }

    puppet hw;
    ledger book;
    engine driver;
    nanoseconds now = 1'000'000;
};

} // namespace cf::edma::test
