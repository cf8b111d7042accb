// SPDX-License-Identifier: MIT
//
// From an open function to an engine that a driver can take over.
#include "vfio/attached.hpp"

#include "edma/registers.hpp"
#include "log/log.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cf::vfio {
namespace {

namespace reg = edma::reg;

constexpr const char* root = "/";
constexpr std::uint64_t lists_bytes = std::uint64_t{8} << 20; ///< of BAR 2; behind it is data
constexpr std::size_t list_bytes = 16 * 1024;                 ///< of a channel, at most

facts look_for(const vfio_spec& spec, const std::string& text)
{
    facts f = look_at(root, spec.bdf);
    if (const auto found = obstacle_of(f))
        throw error(found->code, text + ": " + found->cause + "; " + found->remedy);
    return f;
}

file_descriptor make_event(const std::string& text)
{
    file_descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) throw error(failure{std::error_code(errno, std::system_category()), text + ": eventfd"});
    return event;
}

std::uint64_t page_size() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

/// Whether the control register can be an engine's.
bool plausible(std::uint32_t control)
{
    const std::uint32_t wr = control & 0xf, rd = control >> 16 & 0xf;
    return wr + rd > 0 && wr <= edma::max_channels && rd <= edma::max_channels;
}

/// The configuration space of a function that answers: of another one the kernel lets BARs be mapped, and
/// then sends a signal to whoever looks at them.
std::vector<std::byte> config_of(const function& f)
{
    std::vector<std::byte> config = f.config();
    constexpr std::size_t ids = 4;
    if (std::all_of(config.begin(), config.begin() + ids, [](std::byte b) { return b == std::byte{0xff}; }))
        throw error(errc::link_down, f.spec() + ": the function's configuration reads as ones");
    return config;
}

std::string hex(std::uint64_t value)
{
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%#llx", static_cast<unsigned long long>(value));
    return text.data();
}

} // namespace

attached::attached(const vfio_spec& spec, const std::string& text)
    : function_(look_for(spec, text), text),
      layout_(layout_of(config_of(function_))),
      iovas_(function_.iova_ranges(), pci_memory(root), page_size()),
      interrupt_(spec.wake == wake_mode::interrupt ? make_event(text) : file_descriptor()),
      removal_(make_event(text))
{
    function_.enable(false);
    find_registers();
    // What a killed program left running stops before the function may reach memory.
    for (const reg::bank* bank : {&reg::wr, &reg::rd}) registers_->store(bank->engine_enable, 0);
    place_lists();
    if (function_.interrupts(VFIO_PCI_REQ_IRQ_INDEX) > 0)
        function_.connect(VFIO_PCI_REQ_IRQ_INDEX, removal_.get());
    if (spec.wake == wake_mode::interrupt) connect_interrupt();
    if (spec.wake == wake_mode::message) offer_completion_word();
    function_.enable(true);
}

attached::~attached()
{
    try {
        if (open_) function_.enable(false);
    } catch (const error&) { // a function that is gone masters nothing
    }
}

void attached::find_registers()
{
    const unsigned bar = layout_.register_bar;
    const std::uint64_t size = function_.bar_size(bar);
    std::string seen;
    for (const std::uint64_t offset : layout_.register_offsets) {
        if (size < reg::space_size || offset > size - reg::space_size || offset % 4 != 0) continue;
        register_bar_ = function_.map_bar(bar, offset, reg::space_size);
        registers_ = std::make_unique<edma::mapped_registers>(register_bar_.words(), interrupt_.get());
        const std::uint32_t control = registers_->load(reg::control);
        if (control == edma::all_ones)
            throw error(errc::link_down, function_.spec() + ": the function's registers read as ones");
        if (plausible(control)) return;
        seen += (seen.empty() ? "" : ", ") + hex(control) + " at " + hex(offset + reg::control);
    }
    const std::string where = function_.spec() + ": no eDMA in BAR " + std::to_string(bar);
    if (seen.empty())
        throw error(errc::not_supported,
                    where + ", of which " + std::to_string(size) + " bytes can be mapped");
    throw error(errc::not_supported, where + ": its channel counts would be in " + seen);
}

/// Each channel's list lies where the kernel's drivers put it.
void attached::place_lists()
{
    const std::uint64_t size = function_.bar_size(memory_bar);
    if (size <= lists_bytes || layout_.memory_address == 0)
        throw error(errc::not_supported, function_.spec() + ": BAR 2 has no room for lists and data: " +
                                             std::to_string(size) + " bytes of it can be mapped");
    const std::uint32_t control = registers_->load(reg::control);
    const std::size_t wr = control & 0xf, rd = control >> 16 & 0xf;
    const std::size_t stride = lists_bytes / std::bit_ceil(wr + rd);
    list_bar_ = function_.map_bar(memory_bar, 0, lists_bytes);
    for (std::size_t i = 0; i < wr + rd; ++i) {
        auto& of_kind = i < wr ? port_.wr_lists : port_.rd_lists;
        of_kind.push_back({list_bar_.data() + i * stride, layout_.memory_address + i * stride,
                           std::min(stride, list_bytes)});
    }
    port_.registers = registers_.get();
    port_.side = engine_side::remote;
    port_.lists_across_link = true;
    const std::uint64_t data = layout_.memory_address + lists_bytes;
    windows_.push_back({.name = "ram", .size = size - lists_bytes, .bus_address = data, .own_address = data});
}

/// The engine interrupts by posting the function's own message, whose address only the kernel knows: it is in
/// the table of MSI-X, which can be mapped, or in the configuration space as root sees it.
void attached::connect_interrupt()
{
    const bool table = layout_.msix && function_.interrupts(VFIO_PCI_MSIX_IRQ_INDEX) > 0 &&
                       function_.bar_shows_messages(layout_.msix->bar);
    if (!table && (!layout_.msi || function_.interrupts(VFIO_PCI_MSI_IRQ_INDEX) == 0))
        throw error(errc::not_supported,
                    function_.spec() +
                        ": the function has no interrupt that it could be told to raise: no MSI, and no "
                        "table of MSI-X that can be mapped; add wake=imwr or wake=poll");
    function_.connect(table ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX, interrupt_.get());
    port_.message_interrupt = table ? msix() : msi();
    if (port_.message_interrupt) return;
    throw error(errc::not_set_up,
                function_.spec() + ": the engine has to be told the address of the function's MSI, and the "
                                   "kernel shows it to CAP_SYS_ADMIN only; run as root, or add wake=imwr or "
                                   "wake=poll");
}

std::optional<edma::posted_interrupt> attached::msi() const
{
    const std::string path = std::string(root) + "sys/bus/pci/devices/" + function_.bdf() + "/config";
    const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<std::byte, 256> bytes{};
    const ssize_t got = file ? ::pread(file.get(), bytes.data(), bytes.size(), 0) : 0;
    return got < 0 ? std::nullopt
                   : msi_message(std::span(bytes).first(static_cast<std::size_t>(got)), *layout_.msi);
}

std::optional<edma::posted_interrupt> attached::msix() const
{
    struct {
        std::uint32_t low, high, data, control;
    } entry{};
    const mapped_bar table = function_.map_bar(layout_.msix->bar, layout_.msix->offset, sizeof entry);
    entry = {table.words()[0], table.words()[1], table.words()[2], table.words()[3]};
    if (entry.data > 0xffff) // an engine posts 16 bits
        throw error(errc::not_supported, function_.spec() + ": the data of its interrupt message, " +
                                             hex(entry.data) +
                                             ", is more than an engine can post; add wake=imwr or wake=poll");
    return edma::posted_interrupt{std::uint64_t{entry.high} << 32 | entry.low,
                                  static_cast<std::uint16_t>(entry.data)};
}

void attached::offer_completion_word()
{
    const auto size = static_cast<std::size_t>(page_size());
    completion_page_.reset(static_cast<std::byte*>(std::aligned_alloc(size, size)));
    if (!completion_page_) throw error(errc::no_memory, function_.spec() + ": a page for completions");
    std::memset(completion_page_.get(), 0, size);
    port_.completion_word = {completion_page_.get(), map(completion_page_.get(), size), size};
}

std::uint64_t attached::map(void* memory, std::size_t size)
{
    if (!open_) throw error(errc::device_gone, function_.spec());
    // Whole pages: what a buffer is made of.
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const auto iova = iovas_.take(size, address);
    if (!iova)
        throw error(errc::no_memory, function_.spec() +
                                         ": no address is left that the IOMMU would take, of those "
                                         "not yet used; open the device again");
    function_.map_memory(*iova, memory, size);
    return *iova;
}

void attached::unmap(std::uint64_t address, std::size_t size) noexcept
{
    if (open_) function_.unmap_memory(address, size);
}

void attached::let_go() noexcept
{
    if (!std::exchange(open_, false)) return;
    const bool free = register_bar_.become_ones() && list_bar_.become_ones();
    function_.close();
    if (!free)
        log::event(log::part::device, spdlog::level::err, "still mapped, so still held", function_.spec());
}

std::unique_ptr<attached> open_function(const vfio_spec& spec, const std::string& text)
{
    return std::make_unique<attached>(spec, text);
}

} // namespace cf::vfio
