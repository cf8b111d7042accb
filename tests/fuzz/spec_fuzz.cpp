// SPDX-License-Identifier: MIT
//
// Device specs, sizes and durations are typed by people: whatever the text, it is parsed into values that are
// in range, or refused with one of the errors that are documented.
#include "input.hpp"

#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>

#include <string_view>

namespace {

template <class Parse>
void expect_answer(Parse parse)
{
    try {
        parse();
    } catch (const cf::error& refused) {
        const auto& code = refused.code();
        FUZZ_CHECK(code == cf::errc::bad_spec || code == cf::errc::bad_argument ||
                   code == cf::errc::not_supported);
        FUZZ_CHECK(refused.what()[0] != '\0');
    }
}

void expect_in_range(const cf::model_spec& model)
{
    FUZZ_CHECK(model.wr >= 1 && model.wr <= 8 && model.rd >= 1 && model.rd <= 8);
    FUZZ_CHECK(model.link.generation <= 5);
    FUZZ_CHECK(model.ram_bytes >= 4096 && model.ram_bytes <= cf::model_spec::ram_bytes_max);
    FUZZ_CHECK(model.ram_bytes % 4096 == 0);
    FUZZ_CHECK(model.hang_ns >= 1'000'000);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    expect_answer([&] {
        const cf::device_spec spec = cf::parse_spec(text);
        FUZZ_CHECK(spec.text == text);
        if (spec.kind == cf::device_spec::kind_t::model) expect_in_range(spec.model);
    });
    expect_answer([&] { cf::parse_size(text, "size"); });
    expect_answer([&] { cf::parse_duration_ns(text, "time"); });
    return 0;
}
