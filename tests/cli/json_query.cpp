// SPDX-License-Identifier: MIT
//
// For the command's tests: prints values of a JSON document, so that a shell script can look at
// them without trusting its own idea of JSON.
//
//     json_query FILE POINTER...    each value on a line of its own
//
// Fails when FILE is not one valid JSON document or has nothing at a pointer (RFC 6901).
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>

int main(int argc, char** argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "usage: json_query FILE POINTER...\n");
        return 2;
    }
    try {
        std::ifstream in(argv[1]);
        const nlohmann::json document = nlohmann::json::parse(in);
        for (int i = 2; i < argc; ++i) {
            const nlohmann::json& value = document.at(nlohmann::json::json_pointer(argv[i]));
            std::printf("%s\n", value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
        }
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[1], e.what());
        return 1;
    }
}
