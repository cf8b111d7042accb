// SPDX-License-Identifier: MIT
//
// Who owns a descriptor, and when it is closed.
#include "catch.hpp"

#include <counterflow/file_descriptor.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <optional>

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int some_file() { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }

} // namespace

TEST_CASE("a descriptor is closed with its owner, once", "[file_descriptor]")
{
    const int fd = some_file();
    {
        cf::file_descriptor first(fd);
        CHECK(first);
        cf::file_descriptor second(std::move(first));
        CHECK(second.get() == fd);
        CHECK(is_open(fd));
    }
    CHECK_FALSE(is_open(fd));
    CHECK_FALSE(cf::file_descriptor());
}

TEST_CASE("what an owner had before an assignment is closed with the other one", "[file_descriptor]")
{
    const int a = some_file();
    const int b = some_file();
    cf::file_descriptor owner(a);
    {
        cf::file_descriptor other(b);
        owner = std::move(other);
    }
    CHECK(owner.get() == b);
    CHECK(is_open(b));
    CHECK_FALSE(is_open(a));
}

TEST_CASE("a descriptor that is given away stays open", "[file_descriptor]")
{
    std::optional<cf::file_descriptor> owner(some_file());
    const cf::file_descriptor mine(owner->release());
    owner.reset();
    CHECK(is_open(mine.get()));
}
