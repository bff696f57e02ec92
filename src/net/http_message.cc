#include "net/http_message.h"

#include <algorithm>

#include "base/text.h"

namespace linkspan::net {

std::string_view name_of(Method method) noexcept {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::remove:
      return "DELETE";
  }
  return "GET";
}

bool is_idempotent(Method method) noexcept { return method != Method::post && method != Method::patch; }

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return equal_ascii_case(field.first, name); });
  add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(fields_, [&](const auto& field) { return equal_ascii_case(field.first, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

Fault fault_of(int status) noexcept {
  switch (status) {
    case 401:
    case 403:
      return Fault::denied;
    case 404:
    case 410:
      return Fault::not_found;
    case 409:
    case 412:
      return Fault::conflict;
    case 429:
      return Fault::throttled;
    case 408:
      return Fault::unavailable;
    default:
      return status >= 500 ? Fault::unavailable : Fault::invalid;
  }
}

}  // namespace linkspan::net
