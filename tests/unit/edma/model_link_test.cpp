// SPDX-License-Identifier: MIT
//
// The driver on the modelled engine when the link goes down and comes back.
#include "model_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

TEST_CASE("model: link down at every event of a transfer, and up again")
{
    for (unsigned turn = 0; turn < 120; ++turn) {
        const unsigned events = turn / 2;
        model_spec spec = strict_model(1, 1);
        spec.engine = turn % 2 == 0 ? engine_choice::remote : engine_choice::local;
        model_rig rig(spec);
        transfer& a = rig.book.push(rig.wr(), {3000, 3000});
        transfer& b = rig.book.push(rig.rd(1), {3000});
        rig.wr().flush(0);
        rig.rd(1).flush(0);
        for (unsigned n = 0; n < events && rig.book.reported() < 3; ++n) rig.turn(rig.book);
        rig.dev.set_link(false);
        rig.until([&] { return rig.book.reported() == 3; });
        for (const transfer* t : {&a, &b})
            for (const outcome o : t->outcomes) CHECK((o == outcome::done || o == outcome::link_down));
        transfer& refused = rig.book.push(rig.wr(), {100});
        rig.wr().flush(rig.dev.now());
        rig.until([&] { return rig.driver.state() == engine_state::link_down; });
        rig.dev.set_link(true);
        rig.until([&] { return rig.driver.state() == engine_state::up; });
        CHECK(refused.all(outcome::link_down));
        CHECK(rig.driver.statistics().link_losses == 1);
        transfer& c = rig.book.push(rig.wr(), {3000});
        transfer& d = rig.book.push(rig.rd(1), {3000});
        rig.wr().flush(rig.dev.now());
        rig.rd(1).flush(rig.dev.now());
        rig.finish();
        CHECK(c.all(outcome::done));
        CHECK(d.all(outcome::done));
    }
}

TEST_CASE("model: a link that was down and up unnoticed")
{
    model_rig rig(strict_model());
    rig.expected = model::violation_kind::doorbell_while_disabled; // a reset engine is, and nobody said so
    transfer& a = rig.book.push(rig.wr(), {3000});
    rig.wr().flush(0);
    rig.dev.set_link(false);
    rig.dev.set_link(true);
    rig.finish();
    CHECK(a.all(outcome::aborted));
    transfer& b = rig.book.push(rig.wr(), {3000});
    rig.wr().flush(rig.dev.now());
    rig.finish();
    CHECK(b.all(outcome::done));
}
