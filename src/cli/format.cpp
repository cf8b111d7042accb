// SPDX-License-Identifier: MIT
//
// Numbers as people read them.
#include "cli/format.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace cf::cli {
namespace {

constexpr std::array<std::string_view, 4> size_names{"B", "KiB", "MiB", "GiB"};

/// Three significant digits, at least.
std::string significant(double value) { return fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0); }

} // namespace

std::string fixed(double value, int decimals)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return text.data();
}

std::string human_size(std::uint64_t bytes)
{
    std::size_t unit = 0;
    std::uint64_t whole = bytes;
    for (; whole >= 1024 && unit + 1 < size_names.size(); whole /= 1024) ++unit;
    const double value = static_cast<double>(bytes) / std::ldexp(1.0, static_cast<int>(10 * unit));
    const bool exact = bytes == whole << (10 * unit);
    return (exact ? std::to_string(whole) : significant(value)) + " " + std::string(size_names[unit]);
}

std::string spec_size(std::uint64_t bytes)
{
    std::size_t unit = 0;
    for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < size_names.size(); bytes /= 1024) ++unit;
    return std::to_string(bytes) + (unit ? std::string(size_names[unit]) : "");
}

std::string human_rate(double bytes_per_second)
{
    if (std::isinf(bytes_per_second)) return "unlimited";
    const double gigabytes = bytes_per_second / 1e9;
    return fixed(gigabytes, gigabytes < 10 ? 3 : 2) + " GB/s";
}

std::string human_time(double ns)
{
    if (ns < 1e3) return fixed(ns, 0) + " ns";
    if (ns < 1e6) return significant(ns / 1e3) + " us";
    if (ns < 1e9) return significant(ns / 1e6) + " ms";
    return significant(ns / 1e9) + " s";
}

std::string human_share(double part, double whole)
{
    if (whole <= 0 || std::isinf(whole)) return "-";
    return fixed(100 * part / whole, 1) + " %";
}

std::string human_link(const link_parameters& link)
{
    if (link.null()) return "null link: no ceiling, no time";
    return "gen" + std::to_string(link.generation) + "x" + std::to_string(link.lanes) + ", MPS " +
           std::to_string(link.mps_bytes) + ", MRRS " + std::to_string(link.mrrs_bytes);
}

std::string grouped(std::uint64_t number)
{
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string hexadecimal(std::uint64_t number)
{
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
    return text.data();
}

std::string local_time()
{
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &local);
    return text.data();
}

std::string aligned(const table& rows)
{
    std::array<std::size_t, 8> widths{};
    for (const auto& cells : rows)
        for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
    std::string out;
    for (const auto& cells : rows) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string pad(widths[i] - cells[i].size(), ' ');
            out += i == 0 ? cells[i] + pad : "  " + pad + cells[i];
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    return out;
}

} // namespace cf::cli
