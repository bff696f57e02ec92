#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/text.h"

namespace linkspan::cli {
namespace {

constexpr std::chrono::seconds k_quiet{2};
constexpr std::chrono::milliseconds k_redraw{100};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char one) {
    return (one >= '0' && one <= '9') || one == ',' || one == '-' || one == '.';
  });
}

bool wants_colour(int file) { return ::isatty(file) == 1 && std::getenv("NO_COLOR") == nullptr; }

std::string pad(std::string_view text, std::size_t width, bool right) {
  const std::size_t points = code_points(text);
  const std::string blanks(width > points ? width - points : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace

int exit_status(const Error& error) {
  if (error.id() == "run.lease_held" || error.id() == "transfer.lease_held" || error.id() == "transfer.lease_lost" ||
      error.id() == "store.lease_lost" || error.id() == "setup.active_elsewhere") {
    return exit_lease;
  }
  if (error.id() == "cli.usage") return exit_usage;
  return exit_failed;
}

std::string Table::text(bool colour) const {
  std::size_t columns = headers_.size();  // a table without headers has as many as its rows
  for (const auto& row : rows_) columns = std::max(columns, row.size());
  std::vector<std::size_t> widths;
  std::vector<bool> right(columns, !rows_.empty());
  for (const std::string& header : headers_) widths.push_back(code_points(header));
  widths.resize(columns);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], code_points(row[i]));
      if (!row[i].empty() && !is_number(row[i])) right[i] = false;
    }
  }
  std::string out;
  const auto put = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : "  ") + pad(row[i], widths[i], right[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  if (!headers_.empty()) out += (colour ? "\x1b[1m" + put(headers_) + "\x1b[0m" : put(headers_)) + "\n";
  for (const auto& row : rows_) out += put(row) + "\n";
  return out;
}

Output::Output(bool json) : json_(json), colour_(!json && wants_colour(STDOUT_FILENO)) {}

void Output::raw(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void Output::line(std::string_view text) {
  raw(text);
  raw("\n");
}

void Output::print(const Table& table) { raw(table.text(colour_)); }

void Output::print(const Json& json) { line(json.dump(true)); }

void Output::note(std::string_view text) { fmt::print(stderr, "{}\n", text); }

void Output::error(const Error& error) {
  std::fflush(stdout);
  if (json_) {
    Json body = Json::object({{"id", std::string(error.id())},
                              {"message", error.what()},
                              {"hint", error.hint()},
                              {"fault", name_of(error.fault())}});
    fmt::print(stderr, "{}\n", Json::object({{"error", std::move(body)}}).dump());
    return;
  }
  const bool colour = wants_colour(STDERR_FILENO);
  fmt::print(stderr, "{}error:{} {} [{}]\n", colour ? "\x1b[31;1m" : "", colour ? "\x1b[0m" : "", error.what(),
             error.id());
  if (!error.hint().empty()) fmt::print(stderr, "hint: {}\n", error.hint());
}

bool Output::finish() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

ProgressBar::ProgressBar(bool enabled) : enabled_(enabled && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

ProgressSink ProgressBar::sink() {
  if (!enabled_) return {};
  return [this](const Progress& progress) { draw(progress); };
}

void ProgressBar::clear() {
  const std::scoped_lock lock(mutex_);
  if (!on_screen_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  on_screen_ = false;
}

void ProgressBar::draw(const Progress& progress) {
  const std::scoped_lock lock(mutex_);
  const auto now = Steady::now();
  if (progress.phase != phase_) {
    phase_ = progress.phase;
    phase_start_ = now;
  }
  const std::chrono::duration<double> spent = now - phase_start_;
  if (spent < k_quiet || now - drawn_at_ < k_redraw) return;
  drawn_at_ = now;
  const double rate = static_cast<double>(progress.done) / spent.count();
  std::string line =
      fmt::format("{}  {}", printable(phase_, 60), with_commas(static_cast<std::int64_t>(progress.done)));
  if (progress.total && *progress.total > progress.done && rate > 0) {
    const double left = static_cast<double>(*progress.total - progress.done) / rate;
    line += fmt::format(" of {} ({} %)", with_commas(static_cast<std::int64_t>(*progress.total)),
                        progress.done * 100 / *progress.total);
    line += fmt::format(", {} left", duration_text(std::chrono::seconds(static_cast<std::int64_t>(left) + 1)));
  }
  fmt::print(stderr, "\r\x1b[K{}, {}/s", line, with_commas(static_cast<std::int64_t>(rate)));
  std::fflush(stderr);
  on_screen_ = true;
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string duration_text(std::chrono::microseconds duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e6;
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto minutes = static_cast<std::int64_t>(seconds) / 60;
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  return fmt::format("{} days", minutes / (24 * 60));
}

}  // namespace linkspan::cli
