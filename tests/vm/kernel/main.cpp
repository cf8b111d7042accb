// SPDX-License-Identifier: MIT
//
// kernel_test CASE...: one or more cases against /dev/counterflow0. Says what went wrong and exits with 1, or
// says nothing. The suites in tests/vm/guest call it, after they have told the model what to do.
#include "session.hpp"

#include <csignal>

int main(int count, char** words)
{
    using namespace vm;
    const auto tables = {&basic_cases,  &uring_cases,  &ending_cases,  &hostile_cases, &speed_cases,
                         &window_cases, &memory_cases, &leaving_cases, &random_cases};
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    ::alarm(400); // a test that hangs is a failed test, not a lost boot
    if (count < 2) {
        for (const auto* table : tables)
            for (const test_case& c : *table) std::printf("%s\n", c.name);
        return 2;
    }
    for (int i = 1; i < count; ++i) {
        bool found = false;
        for (const auto* table : tables)
            for (const test_case& c : *table) {
                if (std::strcmp(c.name, words[i]) != 0) continue;
                found = true;
                c.run();
            }
        if (!found) {
            std::printf("no case %s\n", words[i]);
            return 2;
        }
    }
}
