#pragma once
// Texts kept under tests/golden: a test compares, and with LINKSPAN_ACCEPT=1 in the environment it writes what is now.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace linkspan::sql::testing {

/// `name` is the path below tests/golden. A difference fails the test, and names the file.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(LINKSPAN_SOURCE_DIR) / "tests/golden" / name;
  if (std::getenv("LINKSPAN_ACCEPT") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string kept((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, kept) << "differs from " << path << "; if it should, run the test with LINKSPAN_ACCEPT=1 and look at "
                        << "what changed";
}

}  // namespace linkspan::sql::testing
