#pragma once
// What the role Linkspan signs in with may do: what it needs and has, what it needs and lacks, what it has without
// need.

#include <string>
#include <string_view>
#include <vector>

#include "transfer/place.h"

namespace linkspan::transfer {

struct Right {
  enum class State : unsigned char {
    held,      ///< needed, and there
    missing,   ///< needed, and not there
    needless,  ///< there, and of no use here: take it away
  };
  State state = State::held;
  std::string right;     ///< "CREATE", "SUPERUSER", "read"
  std::string on;        ///< "schema public", "3 of 21 tables", a file
  std::string remark{};  ///< what is lost without it, or how to take it away; empty where it is as it should be
};
[[nodiscard]] std::string_view name_of(Right::State state) noexcept;

/// Asks the server (or, for SQLite, the file system) and changes nothing. Needed rights come first, in a fixed order;
/// needless ones are listed only where they are there. Throws what opening the database throws.
[[nodiscard]] std::vector<Right> rights_of(const Place& place);

}  // namespace linkspan::transfer
