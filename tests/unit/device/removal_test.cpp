// SPDX-License-Identifier: MIT
//
// The system takes a device back while transfers run: every await ends, and the device is left alone.
#include "catch.hpp"

#include "many.hpp"

#include <fstream>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

using cf::errc;

namespace {

/// The model, as something that the system can ask for.
class removable final : public cf::detail::attachment {
public:
    explicit removable(std::unique_ptr<cf::model::in_process> m) : inner_(std::move(m)) {}
    ~removable() override { ::close(asked_); }

    cf::port_end near() const noexcept override { return inner_->near(); }
    std::span<cf::edma::port> engines() noexcept override { return inner_->engines(); }
    std::span<const cf::detail::far_window> windows() const noexcept override { return inner_->windows(); }
    cf::link_parameters link() const noexcept override { return inner_->link(); }
    std::uint64_t map(void* memory, std::size_t size) override
    {
        if (let_go_ > 0) throw cf::error(errc::device_gone, "removable");
        return inner_->map(memory, size);
    }
    void unmap(std::uint64_t address, std::size_t size) noexcept override { inner_->unmap(address, size); }
    bool pins() const noexcept override { return true; }
    int removal_fd() const noexcept override { return asked_; }
    void let_go() noexcept override { ++let_go_; }

    void ask() const { ::eventfd_write(asked_, 1); }
    int let_go_count() const noexcept { return let_go_; }

private:
    std::unique_ptr<cf::model::in_process> inner_;
    int asked_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int let_go_ = 0;
};

struct removable_device {
    explicit removable_device(const std::string& text) : removable_device(cf::parse_spec(text)) {}

    cf::runtime loop;
    removable* attached; ///< owned by dev
    cf::device dev;

private:
    explicit removable_device(const cf::device_spec& spec)
        : removable_device(spec, std::make_unique<removable>(cf::model::open_model(spec.model)))
    {
    }
    removable_device(const cf::device_spec& spec, std::unique_ptr<removable> a)
        : attached(a.get()), dev(loop, spec, std::move(a))
    {
    }
};

/// KiB of this process that are locked into memory.
std::size_t locked()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    std::size_t kib = 0;
    while (status >> word && word != "VmLck:") {
    }
    status >> kib;
    return kib;
}

} // namespace

TEST_CASE("memory that an attachment pins is not pinned, and counted, a second time", "[device]")
{
    removable_device r("model:null");
    const std::size_t before = locked();
    const cf::buffer memory = r.dev.allocate(1 << 20);
    CHECK(locked() == before);
    rig::device_on_model other;
    const cf::buffer pinned = other.dev.allocate(1 << 20);
    CHECK(locked() == before + 1024);
}

TEST_CASE("a device that the system takes back ends every transfer once and refuses new ones", "[device]")
{
    constexpr std::size_t count = 200;
    removable_device r("model:gen1x1,wr=2,rd=2,hang=60s"); // slow enough for much to be left
    cf::buffer memory = r.dev.allocate(count * rig::block);
    rig::ledger book(count);
    r.loop.run([](removable_device& d, cf::buffer& from, rig::ledger& to) -> cf::task<> {
        cf::scope all;
        all.spawn(rig::many(d.dev, from, cf::transfer_kind::write, count, to));
        co_await cf::yield();
        d.attached->ask();
        d.attached->ask(); // the system asks again until it has it
        co_await all.join();
        auto later = co_await cf::as_result(d.dev.write(from.slice(0, 64), d.dev.window("ram").at(0)));
        REQUIRE_FALSE(later);
        CHECK(later.error().code == errc::device_gone);
    }(r, memory, book));
    CHECK(book.each_once());
    CHECK(book.count(errc::device_gone) > 0);
    CHECK(book.count(errc::device_gone) + book.count({}) == count);
    CHECK(r.attached->let_go_count() == 1);
    CHECK_THROWS_AS(r.dev.allocate(4096), cf::error);
}
