// SPDX-License-Identifier: MIT
//
// Catch2, whichever major version there is: Debian 12 has v2, other systems v3. Tests include
// this file only, and use nothing that one of the two lacks.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
