#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/log.h"

namespace linkspan::connector_ldap {

/// Remembers the ids of what was said.
class RecordingLogger final : public Logger {
 public:
  void log(Level, std::string_view id, std::string_view, std::initializer_list<Field>) override {
    const std::scoped_lock lock(mutex_);
    ids_.emplace(id);
  }
  std::set<std::string> ids() const {
    const std::scoped_lock lock(mutex_);
    return ids_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> ids_;
};

}  // namespace linkspan::connector_ldap
