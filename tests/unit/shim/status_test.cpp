// SPDX-License-Identifier: MIT
//
// What needs no kernel of the back end for the kernel module: its words in the library's, the choice of a
// way, the link it can be reckoned with.
#include "catch.hpp"
#include "shim/status.hpp"

#include <cerrno>
#include <utility>
#include <vector>

using cf::errc;
using cf::kernel_way;

TEST_CASE("a status and its errno mean the same", "[shim]")
{
    // As the table of include/counterflow/uapi.h has them.
    const std::vector<std::pair<std::uint32_t, int>> table{
        {CF_STATUS_OK, 0},
        {CF_STATUS_UNSUPPORTED_REQUEST, ENXIO},
        {CF_STATUS_COMPLETER_ABORT, EREMOTEIO},
        {CF_STATUS_COMPLETION_TIMEOUT, ETIMEDOUT},
        {CF_STATUS_DATA_POISONED, EBADMSG},
        {CF_STATUS_LOCAL_BUS_ERROR, ECOMM},
        {CF_STATUS_LIST_FETCH_ERROR, EBADSLT},
        {CF_STATUS_ABORTED, EIO},
        {CF_STATUS_LINK_DOWN, ENOLINK},
        {CF_STATUS_DEVICE_GONE, ENODEV},
        {CF_STATUS_TIMED_OUT, ETIME},
        {CF_STATUS_CANCELED, ECANCELED},
        {CF_STATUS_NO_MEMORY, ENOMEM},
    };
    for (const auto& [status, number] : table) {
        INFO(status);
        CHECK(cf::shim::status_to_errc(status) == cf::shim::to_errc(number));
        CHECK((cf::shim::to_errc(number) == errc{}) == (status == CF_STATUS_OK));
    }
    CHECK(cf::shim::status_to_errc(CF_STATUS_COMPLETER_ABORT) == errc::completer_abort);
    CHECK(cf::shim::status_to_errc(CF_STATUS_DEVICE_GONE) == errc::device_gone);
    // Of a module newer than this program.
    CHECK(cf::shim::status_to_errc(CF_STATUS_NO_MEMORY + 1) == errc::aborted);
    CHECK(cf::shim::status_to_errc(~0u) == errc::aborted);
}

TEST_CASE("a refusal says what was wrong", "[shim]")
{
    CHECK(cf::shim::to_errc(ERANGE) == errc::out_of_range);
    CHECK(cf::shim::to_errc(EADDRNOTAVAIL) == errc::misaligned);
    CHECK(cf::shim::to_errc(ESTALE) == errc::not_registered);
    CHECK(cf::shim::to_errc(ENOENT) == errc::no_such_window);
    CHECK(cf::shim::to_errc(EACCES) == errc::not_supported);
    CHECK(cf::shim::to_errc(ECHRNG) == errc::no_such_channel);
    CHECK(cf::shim::to_errc(EBUSY) == errc::busy);
    CHECK(cf::shim::to_errc(EINTR) == errc::canceled);
    CHECK(cf::shim::to_errc(EINVAL) == errc::bad_argument);
    CHECK(cf::shim::to_errc(4095) == errc::bad_argument);
}

TEST_CASE("the best way that the kernel has is taken, or the one that is asked for", "[shim]")
{
    const auto choose = [](std::uint64_t features, std::optional<kernel_way> wanted = {}) {
        cf_info info{};
        info.features = features;
        return cf::shim::choose_way(info, wanted, "/dev/counterflow7");
    };
    const std::uint64_t both = CF_FEATURE_URING_CMD | CF_FEATURE_ASYNC_RW;
    CHECK(choose(both) == kernel_way::uring_cmd);
    CHECK(choose(CF_FEATURE_ASYNC_RW) == kernel_way::ring);
    CHECK(choose(0) == kernel_way::ring);
    CHECK(choose(both, kernel_way::rw) == kernel_way::rw);
    CHECK(choose(both, kernel_way::ring) == kernel_way::ring);
    CHECK(choose(CF_FEATURE_URING_CMD, kernel_way::uring_cmd) == kernel_way::uring_cmd);
    for (const auto& [features, wanted] :
         {std::pair{std::uint64_t{CF_FEATURE_ASYNC_RW}, kernel_way::uring_cmd},
          std::pair{std::uint64_t{CF_FEATURE_URING_CMD}, kernel_way::rw}}) {
        try {
            choose(features, wanted);
            FAIL("taken");
        } catch (const cf::error& e) {
            CHECK(e.code() == errc::not_supported);
            CHECK(e.detail().find("/dev/counterflow7") != std::string::npos);
            CHECK(e.detail().find(to_string(wanted)) != std::string::npos);
        }
    }
}

TEST_CASE("a link that the module does not know, or that is none, has no ceiling", "[shim]")
{
    cf_info info{};
    info.link_generation = 3;
    info.link_lanes = 4;
    info.link_mps_bytes = 128;
    info.link_mrrs_bytes = 512;
    CHECK(cf::shim::link_of(info).lanes == 4);
    CHECK(cf::shim::link_of(info).mps_bytes == 128);
    const auto wrong = [&](auto member, std::uint32_t value) {
        cf_info other = info;
        other.*member = value;
        return cf::shim::link_of(other).null();
    };
    CHECK(wrong(&cf_info::link_generation, 0));
    CHECK(wrong(&cf_info::link_generation, 6));
    CHECK(wrong(&cf_info::link_lanes, 0));
    CHECK(wrong(&cf_info::link_lanes, 12));
    CHECK(wrong(&cf_info::link_mps_bytes, 0));
    CHECK(wrong(&cf_info::link_mrrs_bytes, 100));
}
