#include "base/error.h"

#include <utility>

namespace linkspan {

std::string_view name_of(Fault fault) noexcept {
  switch (fault) {
    case Fault::invalid:
      return "invalid";
    case Fault::not_found:
      return "not_found";
    case Fault::conflict:
      return "conflict";
    case Fault::denied:
      return "denied";
    case Fault::throttled:
      return "throttled";
    case Fault::unavailable:
      return "unavailable";
    case Fault::corrupt:
      return "corrupt";
    case Fault::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Error::Error(Fault fault, std::string_view id, std::string message, std::string hint)
    : fault_(fault), id_(id), message_(std::move(message)), hint_(std::move(hint)), what_(message_) {}

Error&& Error::while_doing(std::string_view context) && {
  what_.append(" (while ").append(context).append(")");
  return std::move(*this);
}

Error&& Error::retry_after(std::chrono::milliseconds delay) && {
  retry_after_ = delay;
  return std::move(*this);
}

}  // namespace linkspan
