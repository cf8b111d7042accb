// SPDX-License-Identifier: MIT
//
// CF_API marks what the shared library exports; everything else is hidden.
#pragma once

#define CF_API __attribute__((visibility("default")))
