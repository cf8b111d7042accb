// SPDX-License-Identifier: MIT
//
// The model's control socket, which the guest has as a serial port that the harness opened as descriptor 4.
#pragma once

#include "session.hpp"

namespace vm {

/// Says it, and returns the answer.
inline std::string model(const std::string& command)
{
    constexpr int port = 4;
    const std::string line = command + "\n";
    EXPECT_EQUAL(::write(port, line.data(), line.size()), line.size());
    std::string answer;
    for (char c = 0; ::read(port, &c, 1) == 1 && c != '\n';) answer += c;
    if (answer.rfind("error", 0) == 0) {
        std::printf("model: %s: %s\n", command.c_str(), answer.c_str());
        std::exit(1);
    }
    return answer;
}

inline void clear_faults() { (void)model("clear"); }

/// A line to a file in sysfs or configfs: 0, or a negative errno.
inline int try_tell(const std::string& path, const std::string& text)
{
    const int file = ::open(path.c_str(), O_WRONLY);
    EXPECT(file >= 0);
    const std::string line = text + "\n";
    const int result = ::write(file, line.data(), line.size()) < 0 ? -errno : 0;
    ::close(file);
    return result;
}

inline void tell(const std::string& path, const std::string& text) { EXPECT_EQUAL(try_tell(path, text), 0); }

inline const std::string function_path = "/sys/bus/pci/devices/0000:01:00.0";
inline const std::string function_name = "0000:01:00.0";

} // namespace vm
