// SPDX-License-Identifier: MIT
//
// Catch2 v2 wants its main in one translation unit; v3 brings its own.
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
