// SPDX-License-Identifier: MIT
//
// Device specs: everything the grammar accepts, every boundary it refuses, and what the
// refusals say.
#include "catch.hpp"

#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>

#include <string>

namespace {

using kind = cf::device_spec::kind_t;

cf::model_spec model(const std::string& text) { return cf::parse_spec("model:" + text).model; }

/// What a refused spec is refused with: "" when it is accepted.
std::string refusal(const std::string& text, cf::errc code = cf::errc::bad_spec)
{
    try {
        cf::parse_spec(text);
    } catch (const cf::error& e) {
        CHECK(e.code() == code);
        return e.what();
    }
    return "";
}

bool has(const std::string& text, const std::string& part)
{
    INFO(text << " <- " << part);
    return text.find(part) != std::string::npos;
}

/// Whether the refusal of key=value names the key, the value and the range.
bool refused(const std::string& key, const std::string& value, const std::string& range)
{
    const std::string said = refusal("model:gen3x1," + key + "=" + value);
    return has(said, "model:gen3x1," + key) && has(said, key + " is '" + value + "'") && has(said, range);
}

} // namespace

TEST_CASE("a bare link gets the documented defaults", "[spec]")
{
    const cf::device_spec spec = cf::parse_spec("model:gen4x8");
    CHECK(spec.text == "model:gen4x8");
    CHECK(spec.kind == kind::model);
    const cf::model_spec& m = spec.model;
    CHECK(m.link.generation == 4);
    CHECK(m.link.lanes == 8);
    CHECK(m.link.mps_bytes == 256);
    CHECK(m.link.mrrs_bytes == 512);
    CHECK(m.link.round_trip_ns == 0);
    CHECK(m.link.tags == 0);
    CHECK(m.wr == 4);
    CHECK(m.rd == 2);
    CHECK(m.near == cf::port_end::root_port);
    CHECK(m.engine == cf::engine_choice::remote);
    CHECK(m.submit == cf::submit_mode::ring);
    CHECK(m.wake == cf::wake_mode::interrupt);
    CHECK(m.irq_ns == 0);
    CHECK(m.ram_bytes == 64u << 20);
    CHECK(m.backing.empty());
    CHECK_FALSE(m.strict);
}

TEST_CASE("every generation and width", "[spec]")
{
    for (const unsigned generation : {1u, 2u, 3u, 4u, 5u}) {
        for (const unsigned lanes : {1u, 2u, 4u, 8u, 16u}) {
            const cf::model_spec m = model("gen" + std::to_string(generation) + "x" + std::to_string(lanes));
            CHECK(m.link.generation == generation);
            CHECK(m.link.lanes == lanes);
        }
    }
    CHECK(model("null").link.null());
    for (const char* text :
         {"", "gen", "gen0x1", "gen6x1", "gen3", "gen3x", "gen3x0", "gen3x3", "gen3x32", "gen3x016",
          "gen3x1 ", "gen3X1", "GEN3x1", "gen10x1", "gen-1x1", "gen3x1x1", "nulls", " gen3x1"}) {
        const std::string said = refusal(std::string("model:") + text);
        CHECK(has(said, "link is '" + std::string(text) + "'"));
        CHECK(has(said, "gen<1..5>x<1|2|4|8|16>"));
    }
}

TEST_CASE("every key takes effect", "[spec]")
{
    const cf::model_spec m =
        model("gen5x16,wr=8,rd=1,mps=512,mrrs=4KiB,near=ep,engine=local,submit=descriptor,"
              "wake=poll,irq=5us,rtt=800ns,tags=64,ph=32,pd=2047,ram=1GiB,backing=/tmp/far,strict=1");
    CHECK(m.wr == 8);
    CHECK(m.rd == 1);
    CHECK(m.link.mps_bytes == 512);
    CHECK(m.link.mrrs_bytes == 4096);
    CHECK(m.near == cf::port_end::endpoint);
    CHECK(m.engine == cf::engine_choice::local);
    CHECK(m.submit == cf::submit_mode::descriptor);
    CHECK(m.wake == cf::wake_mode::poll);
    CHECK(m.irq_ns == 5'000);
    CHECK(m.link.round_trip_ns == 800);
    CHECK(m.link.tags == 64);
    CHECK(m.link.posted_headers == 32);
    CHECK(m.link.posted_data == 2047);
    CHECK(m.ram_bytes == 1u << 30);
    CHECK(m.backing == "/tmp/far");
    CHECK(m.strict);
}

TEST_CASE("channels are 1 to 8", "[spec]")
{
    for (const std::string key : {"wr", "rd"}) {
        CHECK(refusal("model:gen3x1," + key + "=1").empty());
        CHECK(refusal("model:gen3x1," + key + "=8").empty());
        for (const char* value : {"0", "9", "-1", "+1", "1.0", "1x", "x", " 1", "", "18446744073709551617"})
            CHECK(refused(key, value, "1 to 8"));
    }
}

TEST_CASE("packet sizes are powers of two from 128 to 4096", "[spec]")
{
    for (const std::string key : {"mps", "mrrs"}) {
        for (const char* value : {"128", "256", "512", "1024", "2048", "4096", "1KiB", "4KiB", "128B"})
            CHECK(refusal("model:gen3x1," + key + "=" + value).empty());
        for (const char* value : {"64", "127", "129", "192", "4095", "8192", "0", "8KiB"})
            CHECK(refused(key, value, "128, 256, 512, 1024, 2048 or 4096"));
        for (const char* value : {"", "KiB", "-128", "128k", "128 ", "0x100"})
            CHECK(refused(key, value, "KiB, MiB or GiB"));
    }
}

TEST_CASE("times have a unit and a range", "[spec]")
{
    CHECK(model("gen3x1,irq=0ns").irq_ns == 0);
    CHECK(model("gen3x1,irq=1s").irq_ns == 1'000'000'000);
    CHECK(model("gen3x1,irq=3ms").irq_ns == 3'000'000);
    CHECK(refused("irq", "1000000001ns", "0ns to 1s"));
    CHECK(refused("irq", "2s", "0ns to 1s"));
    CHECK(model("gen3x1,rtt=1ns").link.round_trip_ns == 1);
    CHECK(model("gen3x1,rtt=1000ms").link.round_trip_ns == 1'000'000'000);
    CHECK(refused("rtt", "0ns", "1ns to 1s"));
    CHECK(refused("rtt", "1001ms", "1ns to 1s"));
    CHECK(model("gen3x1,hang=1ms").hang_ns == 1'000'000);
    CHECK(model("gen3x1,hang=60s").hang_ns == 60'000'000'000);
    CHECK(refused("hang", "999us", "1ms to 60s"));
    CHECK(refused("hang", "60001ms", "1ms to 60s"));
    for (const char* value : {"", "5", "us", "-1us", "5 us", "5m", "0.5us", "99999999999999999999ns"})
        CHECK(refused("irq", value, "ns, us, ms or s"));
}

TEST_CASE("outstanding reads are 1 to 768", "[spec]")
{
    CHECK(model("gen3x1,tags=1").link.tags == 1);
    CHECK(model("gen3x1,tags=768").link.tags == 768);
    CHECK(refused("tags", "0", "1 to 768"));
    CHECK(refused("tags", "769", "1 to 768"));
}

TEST_CASE("credits of posted writes are those of the specification, and at least one packet's", "[spec]")
{
    CHECK(model("gen3x1").link.posted_headers == 0);
    CHECK(model("gen3x1").link.posted_data == 0);
    CHECK(model("gen3x1,ph=1,pd=16").link.posted_headers == 1);
    CHECK(model("gen3x1,ph=2032,pd=32752").link.posted_data == 32752);
    CHECK(refused("ph", "0", "1 to 2032"));
    CHECK(refused("ph", "2033", "1 to 2032"));
    CHECK(refused("pd", "7", "8 to 32752"));
    CHECK(refused("pd", "32753", "8 to 32752"));
    CHECK(has(refusal("model:gen3x1,pd=15"), "pd is 15; it must be 16 or more"));
    CHECK(has(refusal("model:gen3x1,pd=16,mps=512"), "it must be 32 or more"));
}

TEST_CASE("the window is 4 KiB to 64 GiB in steps of 4 KiB", "[spec]")
{
    CHECK(model("gen3x1,ram=4096").ram_bytes == 4096);
    CHECK(model("gen3x1,ram=12KiB").ram_bytes == 12288);
    CHECK(model("gen3x1,ram=64GiB").ram_bytes == std::uint64_t{64} << 30);
    for (const char* value : {"0", "4095", "4097", "1", "68719480832", "65GiB"})
        CHECK(refused("ram", value, "4KiB to 64GiB"));
    CHECK(refused("ram", "17179869184GiB", "below 2^64"));
    CHECK(refused("ram", "18446744073709551616", "below 2^64"));
}

TEST_CASE("choices list what there is", "[spec]")
{
    CHECK(model("gen3x1,near=rp").near == cf::port_end::root_port);
    CHECK(model("gen3x1,engine=remote").engine == cf::engine_choice::remote);
    CHECK(model("gen3x1,engine=both").engine == cf::engine_choice::both);
    CHECK(model("gen3x1,submit=ring").submit == cf::submit_mode::ring);
    CHECK(model("gen3x1,wake=irq").wake == cf::wake_mode::interrupt);
    CHECK(model("gen3x1,wake=poll").wake == cf::wake_mode::poll);
    CHECK(model("gen3x1,wake=imwr").wake == cf::wake_mode::message);
    CHECK(refused("near", "host", "rp or ep"));
    CHECK(refused("near", "", "rp or ep"));
    CHECK(refused("engine", "far", "remote, local or both"));
    CHECK(refused("submit", "rings", "ring or descriptor"));
    CHECK(refused("wake", "IRQ", "irq, imwr or poll"));
}

TEST_CASE("only a remote engine has messages", "[spec]")
{
    for (const std::string rest : {"wake=imwr,engine=local", "engine=both,wake=imwr"}) {
        const std::string said = refusal("model:gen3x1," + rest);
        CHECK(has(said, "model:gen3x1," + rest));
        CHECK(has(said, "wake is 'imwr'; it must be irq or poll"));
    }
    CHECK(model("gen3x1,wake=imwr,engine=remote,near=ep").wake == cf::wake_mode::message);
}

TEST_CASE("strict is a flag", "[spec]")
{
    CHECK(model("gen3x1,strict").strict);
    CHECK(model("gen3x1,strict=1").strict);
    CHECK_FALSE(model("gen3x1,strict=0").strict);
    CHECK(refused("strict", "yes", "0 or 1"));
    CHECK(refused("strict", "", "0 or 1"));
}

TEST_CASE("backing is a path", "[spec]")
{
    CHECK(model("gen3x1,backing=far.mem,wr=1").backing == "far.mem");
    CHECK(model("gen3x1,backing=a=b").backing == "a=b");
    CHECK(refused("backing", "", "path"));
}

TEST_CASE("unknown, repeated and empty keys are refused", "[spec]")
{
    const std::string unknown = refusal("model:gen3x1,width=4");
    CHECK(has(unknown, "unknown key 'width'"));
    for (const char* key : {"wr", "rd", "mps", "mrrs", "rtt", "tags", "ph", "pd", "near", "engine", "submit",
                            "wake", "irq", "hang", "ram", "backing", "strict"})
        CHECK(has(unknown, key));
    CHECK(has(refusal("model:gen3x1,wr=1,rd=1,wr=1"), "wr is given twice"));
    CHECK(has(refusal("model:gen3x1,strict,strict=0"), "strict is given twice"));
    CHECK(has(refusal("model:gen3x1,wr"), "wr has no value"));
    CHECK(has(refusal("model:gen3x1,"), "unknown key ''"));
    CHECK(has(refusal("model:gen3x1,,wr=1"), "unknown key ''"));
    CHECK(has(refusal("model:gen3x1,WR=1"), "unknown key 'WR'"));
    CHECK(has(refusal("model:gen3x1, wr=1"), "unknown key ' wr'"));
    CHECK(has(refusal("model:gen3x1,seed=1"), "unknown key 'seed'"));
}

TEST_CASE("the null link has channels and memory but no packets", "[spec]")
{
    const cf::model_spec m = model("null,wr=1,rd=1,ram=8KiB,irq=1us,submit=descriptor");
    CHECK(m.link.null());
    CHECK(m.ram_bytes == 8192);
    for (const std::string key : {"mps=256", "mrrs=512", "rtt=1us", "tags=8", "ph=8", "pd=64"})
        CHECK(has(refusal("model:null," + key),
                  key.substr(0, key.find('=')) + " has no meaning on the null link"));
}

TEST_CASE("device nodes and VFIO addresses", "[spec]")
{
    const cf::device_spec node = cf::parse_spec("/dev/counterflow0");
    CHECK(node.kind == kind::kernel_module);
    CHECK(node.kernel.path == "/dev/counterflow0");
    CHECK_FALSE(node.kernel.complete);
    for (const cf::kernel_way way : {cf::kernel_way::uring_cmd, cf::kernel_way::rw, cf::kernel_way::ring}) {
        const auto chosen = cf::parse_spec("/dev/counterflow0,complete=" + std::string(to_string(way)));
        CHECK(chosen.kernel.path == "/dev/counterflow0");
        CHECK(chosen.kernel.complete == way);
    }
    CHECK(has(refusal("/dev/counterflow0,complete=poll"), "it must be uring_cmd, rw or ring"));
    CHECK(has(refusal("/dev/counterflow0,wake=irq"), "unknown key 'wake'; the keys are complete"));
    const cf::device_spec vfio = cf::parse_spec("vfio:0000:01:00.0");
    CHECK(vfio.kind == kind::vfio);
    CHECK(vfio.vfio.bdf == "0000:01:00.0");
    CHECK(cf::parse_spec("vfio:00ff:ff:1f.7").vfio.bdf == "00ff:ff:1f.7");
    for (const char* bdf : {"", "01:00.0", "0000:01:00", "0000:01:00.8", "0000:01:20.0", "0000:01:a0.0",
                            "000g:01:00.0", "0000:01:00.0x", "0000-01-00.0", "0000:01:00:0"}) {
        const std::string said = refusal(std::string("vfio:") + bdf);
        CHECK(has(said, std::string("'") + bdf + "'"));
        CHECK(has(said, "domain:bus:device.function"));
    }
}

TEST_CASE("a function behind VFIO takes what concerns the driver", "[spec]")
{
    const cf::device_spec plain = cf::parse_spec("vfio:0000:01:00.0");
    CHECK(plain.driver().wake == cf::wake_mode::interrupt);
    CHECK(plain.driver().engine == cf::engine_choice::remote);
    const cf::device_spec chosen = cf::parse_spec("vfio:0000:01:00.0,wake=imwr,submit=descriptor,hang=2s");
    CHECK(chosen.vfio.bdf == "0000:01:00.0");
    CHECK(chosen.driver().wake == cf::wake_mode::message);
    CHECK(chosen.driver().submit == cf::submit_mode::descriptor);
    CHECK(chosen.driver().hang_ns == 2'000'000'000);
    CHECK(has(refusal("vfio:0000:01:00.0,wr=4"), "unknown key 'wr'; the keys are submit, wake, hang"));
    CHECK(has(refusal("vfio:0000:01:00.0,"), "unknown key ''"));
    CHECK(has(refusal("vfio:0000:01:00.0,wake=imwr,wake=irq"), "wake is given twice"));
    CHECK(has(refusal("vfio:0000:01:00.0,wake"), "wake has no value"));
}

TEST_CASE("what is no device says what would be", "[spec]")
{
    for (const char* text :
         {"", "gen3x1", "modelgen3x1", "Model:gen3x1", "/dev/", "counterflow0", " model:gen3x1"}) {
        const std::string said = refusal(text);
        CHECK(has(said, std::string("'") + text + "'"));
        CHECK(has(said, "model:"));
        CHECK(has(said, "vfio:"));
    }
}

TEST_CASE("errors are safe to print", "[spec]")
{
    const std::string said = refusal("model:gen3x1,wr=\x1b[31m\n");
    CHECK_FALSE(has(said, "\x1b"));
    CHECK_FALSE(has(said, "\n"));
    CHECK(has(said, "?[31m?"));
}

TEST_CASE("sizes", "[spec]")
{
    CHECK(cf::parse_size("0", "size") == 0);
    CHECK(cf::parse_size("4096", "size") == 4096);
    CHECK(cf::parse_size("64KiB", "size") == 65536);
    CHECK(cf::parse_size("1MiB", "size") == 1048576);
    CHECK(cf::parse_size("3GiB", "size") == std::uint64_t{3} << 30);
    CHECK(cf::parse_size("18446744073709551615", "size") == ~std::uint64_t{0});
    CHECK(cf::parse_size("17179869183GiB", "size") == std::uint64_t{17179869183} << 30);
    for (const char* text : {"", "B", "KiB", "1KB", "1K", "1kib", "1.5MiB", "-1", "+1", " 1", "1 KiB",
                             "18446744073709551616", "17179869184GiB", "18014398509481984KiB"}) {
        CAPTURE(text);
        try {
            cf::parse_size(text, "--size");
            FAIL("accepted");
        } catch (const cf::error& e) {
            CHECK(e.code() == cf::errc::bad_argument);
            CHECK(has(e.what(), "--size is '" + std::string(text) + "'"));
        }
    }
}

TEST_CASE("durations", "[spec]")
{
    CHECK(cf::parse_duration_ns("0ns", "t") == 0);
    CHECK(cf::parse_duration_ns("500ns", "t") == 500);
    CHECK(cf::parse_duration_ns("5us", "t") == 5'000);
    CHECK(cf::parse_duration_ns("1ms", "t") == 1'000'000);
    CHECK(cf::parse_duration_ns("2s", "t") == 2'000'000'000);
    CHECK(cf::parse_duration_ns("18446744073s", "t") == 18'446'744'073'000'000'000u);
    CHECK_THROWS_AS(cf::parse_duration_ns("18446744074s", "t"), cf::error);
    CHECK_THROWS_AS(cf::parse_duration_ns("5", "t"), cf::error);
    CHECK_THROWS_AS(cf::parse_duration_ns("1min", "t"), cf::error);
}

TEST_CASE("where lists lie, how long a fetch takes and how completions are cut", "[spec]")
{
    const cf::model_spec plain = cf::parse_spec("model:gen3x1").model;
    CHECK(plain.lists == cf::list_place::own);
    CHECK(plain.fetch_ns == 100);
    CHECK(plain.link.completion_bytes == 0);
    const cf::model_spec spec = cf::parse_spec("model:gen3x1,lists=near,fetch=2us,rcb=64").model;
    CHECK(spec.lists == cf::list_place::near);
    CHECK(spec.fetch_ns == 2000);
    CHECK(spec.link.completion_bytes == 64);
    CHECK(has(refusal("model:gen3x1,lists=here"), "own, near or far"));
    CHECK(has(refusal("model:gen3x1,fetch=2ms"), "0ns to 1ms"));
    CHECK(has(refusal("model:gen3x1,rcb=32"), "64, 128"));
}

TEST_CASE("sim: takes the model's keys, and those of virtual time")
{
    const cf::device_spec plain = cf::parse_spec("sim:gen4x8");
    CHECK(plain.kind == kind::simulation);
    CHECK(plain.model.link.lanes == 8);
    CHECK(plain.model.seed == 1);
    CHECK(plain.model.cpu_ns == cf::software_cost::cpu_ns);
    CHECK(plain.model.turn_ns == cf::software_cost::turn_ns);
    CHECK(plain.model.irq_ns == cf::software_cost::irq_ns);
    const cf::device_spec spec =
        cf::parse_spec("sim:gen4x8,wr=2,seed=18446744073709551615,cpu=0ns,turn=2us,irq=0ns");
    CHECK(spec.model.wr == 2);
    CHECK(spec.model.seed == ~0ull);
    CHECK(spec.model.cpu_ns == 0);
    CHECK(spec.model.turn_ns == 2000);
    CHECK(spec.model.irq_ns == 0);
    CHECK(cf::parse_spec("model:gen4x8").model.irq_ns == 0);
    CHECK(has(refusal("sim:gen4x8,turn=0ns"), "1ns to 1s"));
    CHECK(has(refusal("sim:gen4x8,cpu=2s"), "0ns to 1s"));
    CHECK(has(refusal("sim:gen4x8,seed=-1"), "0 to 2^64-1"));
    CHECK(has(refusal("model:gen4x8,seed=1"), "unknown key"));
}
