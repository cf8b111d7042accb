// SPDX-License-Identifier: MIT
//
// The oracle: what it allows, and what it does not.
#include "catch.hpp"

#include "torture/shadow.hpp"

#include <array>

using cf::torture::shadow;

namespace {

std::array<std::byte, 4> four(int value)
{
    std::array<std::byte, 4> bytes{};
    bytes.fill(static_cast<std::byte>(value));
    return bytes;
}

} // namespace

TEST_CASE("what was set must be there", "[shadow]")
{
    shadow s(8);
    s.set(2, four(7));
    CHECK_FALSE(s.mismatch(2, four(7)));
    CHECK(s.mismatch(2, four(8)) == 0u);
    CHECK(s.mismatch(4, four(7)) == 2u); // behind it the memory is as it was
}

TEST_CASE("what may be there is the old or the new, and nothing else", "[shadow]")
{
    shadow s(4);
    s.set(0, four(1));
    s.maybe(0, four(2));
    CHECK_FALSE(s.mismatch(0, four(1)));
    CHECK_FALSE(s.mismatch(0, four(2)));
    CHECK(s.mismatch(0, four(3)));
    s.maybe(0, four(3)); // a third possibility: no judgement any more
    CHECK_FALSE(s.mismatch(0, four(9)));
    s.set(0, four(4));
    CHECK(s.mismatch(0, four(1)));
}

TEST_CASE("what comes from memory that is in doubt is in doubt", "[shadow]")
{
    shadow far(4), near(4);
    far.set(0, four(1));
    far.maybe(0, four(2));
    near.maybe_from(0, 4, far, 0);
    CHECK_FALSE(near.mismatch(0, four(0)));
    CHECK_FALSE(near.mismatch(0, four(2)));
    shadow known(4), copy(4);
    known.set(0, four(5));
    copy.maybe_from(1, 2, known, 2);
    CHECK(copy.mismatch(0, four(5)) == 0u);
    CHECK_FALSE(copy.mismatch(1, std::span<const std::byte>(four(5)).first(2)));
    CHECK_FALSE(known.part(1, 2).mismatch(0, std::span<const std::byte>(four(5)).first(2)));
}
