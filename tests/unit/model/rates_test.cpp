// SPDX-License-Identifier: MIT
//
// The machine under saturating load in both directions against the formulas of the link: what an
// engine achieves must be what the arithmetic allows, neither less nor more.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;

namespace {

/// Keeps all channels of one kind of one engine busy with a list that runs in circles.
void saturate(rig& r, edma::port& port, channel_kind kind, unsigned channels, std::uint32_t element)
{
    const std::uint64_t far = r.device.windows()[0].address_for(port.side);
    const bool near_is_source = (kind == channel_kind::wr) == (port.side == engine_side::local);
    for (unsigned i = 0; i < channels; ++i) {
        channel_driver channel(port, kind, i);
        for (unsigned n = 0; n < 4; ++n) {
            const std::uint64_t offset = (4 * i + n) * std::uint64_t{element} % (1u << 19);
            if (near_is_source)
                channel.list().data(ctl::cycle, element, r.near.address() + offset, far + offset);
            else
                channel.list().data(ctl::cycle, element, far + (1u << 20) + offset,
                                    r.near.address() + (1u << 19) + offset);
        }
        channel.list().link(ctl::cycle, channel.list().at(0));
        channel.start();
    }
}

/// Bytes that the channels of one kind have moved since the start, parts of elements included.
class meter {
public:
    meter(edma::port& port, channel_kind kind, unsigned channels, std::uint32_t element) : element_(element)
    {
        for (unsigned i = 0; i < channels; ++i) channels_.emplace_back(port, kind, i);
        for (auto& c : channels_) last_.push_back(place(c));
    }
    void look()
    {
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            const std::uint64_t at = place(channels_[i]), lap = 4 * std::uint64_t{element_};
            bytes_ += (at + lap - last_[i]) % lap;
            last_[i] = at;
        }
    }
    double bytes() const { return static_cast<double>(bytes_); }

private:
    /// Bytes into the circle of four elements.
    std::uint64_t place(channel_driver& c) const
    {
        const std::uint64_t left = c.load(reg::ch_size); // 0 between two elements
        return (c.position_offset() / 24 % 4 * element_ + (left ? element_ - left : 0)) %
               (4 * std::uint64_t{element_});
    }

    std::uint32_t element_;
    std::vector<channel_driver> channels_;
    std::vector<std::uint64_t> last_;
    std::uint64_t bytes_ = 0;
};

struct rates {
    double wr = 0, rd = 0; ///< bytes a second
};

/// What one engine (or, writes only, one at each end) achieves.
rates achieved(const model_spec& spec, std::uint32_t element)
{
    machine_config config = configure(spec);
    rig r(spec, config);
    auto ports = r.device.engines();
    const bool both = ports.size() == 2;
    edma::port& second = ports[both ? 1 : 0];
    const channel_kind second_kind = both ? channel_kind::wr : channel_kind::rd;
    const unsigned second_channels = both ? spec.wr : spec.rd;
    saturate(r, ports[0], channel_kind::wr, spec.wr, element);
    saturate(r, second, second_kind, second_channels, element);

    const double rate = packet_bandwidth(spec.link);
    const auto time_of = [&](double bytes) { return static_cast<nanoseconds>(bytes / rate * 1e9); };
    r.device.advance_to(time_of(1e6) + 5'000);
    meter wr(ports[0], channel_kind::wr, spec.wr, element);
    meter rd(second, second_kind, second_channels, element);
    const nanoseconds start = r.device.now(), end = start + time_of(16e6);
    while (r.device.now() < end) {
        r.device.step();
        wr.look();
        rd.look();
    }
    const double seconds = static_cast<double>(r.device.now() - start) * 1e-9;
    return {wr.bytes() / seconds, rd.bytes() / seconds};
}

struct formula {
    double down, up;
};

/// One engine: completions one way, writes and read requests the other.
formula one_engine(const link_parameters& link)
{
    const double rate = packet_bandwidth(link), completion = std::min(link.mps_bytes, link.mrrs_bytes);
    const double down = rate * completion / (completion + 20);
    return {down, (rate - down * 24 / link.mrrs_bytes) * link.mps_bytes / (link.mps_bytes + 24.0)};
}

bool within(double value, double expected, double tolerance)
{
    return value > expected * (1 - tolerance) && value < expected * (1 + tolerance);
}

} // namespace

TEST_CASE("one engine reaches both ceilings at once and never more", "[rates]")
{
    for (unsigned generation = 1; generation <= 5; ++generation) {
        for (const unsigned lanes : {1u, 2u, 4u, 8u, 16u}) {
            for (const unsigned mps : {128u, 256u, 512u}) {
                for (const unsigned mrrs : {128u, 256u, 512u, 1024u, 2048u, 4096u}) {
                    model_spec spec = paced(generation, lanes);
                    spec.link.mps_bytes = mps;
                    spec.link.mrrs_bytes = mrrs;
                    spec.link.tags = 768;
                    const rates r = achieved(spec, 16384);
                    const formula f = one_engine(spec.link);
                    INFO("gen" << generation << "x" << lanes << " mps " << mps << " mrrs " << mrrs << ": WR "
                               << r.wr / f.up << " RD " << r.rd / f.down << " of the formula");
                    CHECK(within(r.wr, f.up, 0.005));
                    CHECK(within(r.rd, f.down, 0.005));
                    const ceilings most = link_ceilings(spec.link, traffic::completions, traffic::posted);
                    CHECK(within(r.wr, most.ep_to_rp, 0.005));
                    CHECK(within(r.rd, most.rp_to_ep, 0.005));
                }
            }
        }
    }
}

TEST_CASE("an engine at each end writes at the full rate both ways", "[rates]")
{
    for (const unsigned mps : {128u, 256u}) {
        model_spec spec = paced(4, 8);
        spec.engine = engine_choice::both;
        spec.link.mps_bytes = mps;
        const rates r = achieved(spec, 16384);
        const double each = packet_bandwidth(spec.link) * mps / (mps + 24.0);
        CHECK(within(r.wr, each, 0.005));
        CHECK(within(r.rd, each, 0.005));
    }
}

TEST_CASE("a local engine reaches the same ceilings as a remote one", "[rates]")
{
    model_spec spec = paced(3, 4);
    spec.engine = engine_choice::local;
    const rates r = achieved(spec, 16384);
    const formula f = one_engine(spec.link);
    CHECK(within(r.wr, f.up, 0.005));
    CHECK(within(r.rd, f.down, 0.005));
}

TEST_CASE("a root complex that cuts completions small lowers the ceiling of reads", "[rates]")
{
    model_spec spec = paced(4, 8);
    spec.link.completion_bytes = 64;
    const rates r = achieved(spec, 16384);
    const ceilings most = link_ceilings(spec.link, traffic::completions, traffic::posted);
    CHECK(within(r.rd, most.rp_to_ep, 0.005));
    CHECK(within(r.wr, most.ep_to_rp, 0.005));
    CHECK(within(most.rp_to_ep, 11.03e9, 0.001)); // what the pcie-bench model says
}

TEST_CASE("lists at the other end cost their fetches, and nothing else", "[rates]")
{
    model_spec spec = paced(3, 8);
    spec.lists = list_place::near; // across the link from the far engine
    const rates r = achieved(spec, 16384);
    const formula f = one_engine(spec.link);
    // Each element is asked for while the one before it moves; 24 + 20 + 24 bytes for 16 KiB.
    CHECK(within(r.wr, f.up, 0.01));
    CHECK(within(r.rd, f.down, 0.01));
}

TEST_CASE("few credits make writes as slow as the round trip says, and leave reads alone", "[rates]")
{
    model_spec by_headers = paced(4, 8);
    by_headers.link.round_trip_ns = 2000;
    by_headers.link.posted_headers = 32; // 8 KiB of full packets
    model_spec by_data = by_headers;
    by_data.link.posted_headers = 0;
    by_data.link.posted_data = 512; // 8 KiB
    for (const model_spec& spec : {by_headers, by_data}) {
        const rates r = achieved(spec, 16384);
        const double window = 8192;
        // A turn's credits are back a round trip after it has left; it is an eighth of the window.
        const double turn = window / 8 / one_engine(spec.link).up;
        CHECK(within(r.wr, window / (2000e-9 + turn), 0.01));
        CHECK(within(r.rd, one_engine(spec.link).down, 0.01));
    }
    by_data.link.posted_data = 16; // one packet at a time
    CHECK(within(achieved(by_data, 16384).wr, 256 / (2000e-9 + 280 / packet_bandwidth(by_data.link)), 0.01));
    by_data.link.posted_data = 32752;
    CHECK(within(achieved(by_data, 16384).wr, one_engine(by_data.link).up, 0.01));
}

TEST_CASE("few tags make reads as slow as the round trip says", "[rates]")
{
    model_spec spec = paced(4, 8);
    spec.link.round_trip_ns = 2000;
    spec.link.tags = 16;
    const rates r = achieved(spec, 16384);
    // 16 requests of 512 bytes are answered in each round trip, plus their own time on the wire
    // behind at most a packet.
    const double window = 16.0 * 512;
    CHECK(r.rd < window / 2000e-9);
    CHECK(within(r.rd, window / 2000e-9, 0.08));
    CHECK(r.wr > one_engine(spec.link).up); // fewer requests leave more room
}
