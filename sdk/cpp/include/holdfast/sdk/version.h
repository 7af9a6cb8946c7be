/// @file
/// The version of this SDK.
#pragma once

/// As CMakeLists.txt has it; a test compares them.
#define HOLDFAST_SDK_VERSION "0.1.0"
