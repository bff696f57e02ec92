#include "model/export.h"

namespace linkspan::model {

std::string_view name_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::none:
      return "none";
    case Operation::add:
      return "add";
    case Operation::update:
      return "update";
    case Operation::rename:
      return "rename";
    case Operation::remove:
      return "delete";
  }
  return "unknown";
}

}  // namespace linkspan::model
