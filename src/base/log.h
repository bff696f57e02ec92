#pragma once
// Logging facade: rooms say what happened, app/ decides where it goes. Heavy headers stay out.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace linkspan {

enum class Level : unsigned char { debug, info, warning, error };

using Field = std::pair<std::string_view, std::string>;

/// Takes one event. Safe to share between threads. `id` is `room.event` with a paragraph in docs/messages.md;
/// fields never hold secrets.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void log(Level level, std::string_view id, std::string_view message,
                   std::initializer_list<Field> fields = {}) = 0;
};

/// Says nothing; for tests and tools.
class QuietLogger final : public Logger {
 public:
  void log(Level, std::string_view, std::string_view, std::initializer_list<Field>) override {}
};

}  // namespace linkspan
