// SPDX-License-Identifier: MIT
//
// Checked and cleaned output.
#include "cli/print.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>

namespace cf::cli {
namespace {

std::string printable(std::string_view text)
{
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return c != '\n' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f); }, '?');
    return out;
}

} // namespace

void guard_standard_streams()
{
    // Open for the wrong direction: reading stdin and writing the others fail as on a closed descriptor.
    for (int fd = 0; fd <= 2; ++fd)
        if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
    // An output that takes no more is an error to report, and a temporary file to remove.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

void print(std::string_view text)
{
    const std::string clean = printable(text);
    errno = 0;
    const bool written = std::fwrite(clean.data(), 1, clean.size(), stdout) == clean.size();
    if (!written || std::fflush(stdout) != 0)
        throw error(failure{{errno ? errno : EIO, std::generic_category()}, "standard output"});
}

void complain(std::string_view text) { std::fprintf(stderr, "counterflow: %s\n", printable(text).c_str()); }

} // namespace cf::cli
