// SPDX-License-Identifier: MIT
//
// Register spaces on a paced machine, with an eventfd for each engine's interrupt.
#include "model/in_process.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace cf::model {

/// One engine's registers.
class in_process::space final : public edma::register_space {
public:
    space(paced_machine& hardware, unsigned engine) : hardware_(hardware), engine_(engine)
    {
        if (interrupt_ < 0)
            throw error(
                failure{std::error_code(errno, std::system_category()), "eventfd of a modelled engine"});
    }
    ~space() override { ::close(interrupt_); }

    int interrupt_fd() const noexcept override { return interrupt_; }
    void raise(std::uint64_t count) const noexcept
    {
        // Fails only when 2^64-1 interrupts are waiting: one more makes no difference.
        static_cast<void>(::eventfd_write(interrupt_, count));
    }

private:
    std::uint32_t load_slow(std::uint32_t offset) override { return hardware_.load(engine_, offset); }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        hardware_.store(engine_, offset, value);
    }

    paced_machine& hardware_;
    unsigned engine_;
    int interrupt_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

in_process::in_process(const model_spec& spec)
    : machine_(configure(spec), *this), board_(spec, configure(spec), machine_.hardware())
{
    for (unsigned engine = 0; engine < board_.ports().size(); ++engine) {
        spaces_.push_back(std::make_unique<space>(machine_, engine));
        board_.ports()[engine].registers = spaces_.back().get();
    }
    if (!spec.link.null() || spec.irq_ns != 0) machine_.start();
}

in_process::~in_process() { machine_.stop(); }

std::uint64_t in_process::map(void* memory, std::size_t size)
{
    std::uint64_t address = 0;
    machine_.with([&](machine&, nanoseconds) { address = board_.map(memory, size); });
    return address;
}

void in_process::unmap(std::uint64_t address, std::size_t size) noexcept
{
    machine_.with([&](machine&, nanoseconds) { board_.unmap(address, size); });
}

void in_process::raise(unsigned line, std::uint64_t count) noexcept { spaces_[line]->raise(count); }

std::unique_ptr<in_process> open_model(const model_spec& spec) { return std::make_unique<in_process>(spec); }

} // namespace cf::model
