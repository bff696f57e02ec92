#include "connector_file/internal/ldif.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

/// A value in Base64, its name, and the line ends between.
constexpr std::size_t k_longest_line = k_longest_value / 3 * 4 + 1024;

bool is_description(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ';' || c == '_';
  };
  return !text.empty() && text.size() <= 256 && text.front() != ';' && std::ranges::all_of(text, fits);
}

void skip_blanks(std::string_view& text) {
  const std::size_t first = text.find_first_not_of(' ');
  text.remove_prefix(std::min(first, text.size()));
}

}  // namespace

LdifReader::LdifReader(ByteSource source, std::string name, std::size_t buffer)
    : source_(std::move(source)), name_(std::move(name)), buffer_(buffer) {}

Error LdifReader::syntax(std::size_t line, std::string_view problem, std::string_view hint) const {
  return {Fault::invalid, "file.syntax", fmt::format("{}:{}: {}", name_, line, problem), std::string(hint)};
}

bool LdifReader::refill() {
  if (ended_) return false;
  at_ = 0;
  end_ = source_(buffer_);
  ended_ = end_ < buffer_.size();
  return end_ > 0;
}

int LdifReader::peek() {
  if (at_ == end_ && !refill()) return -1;
  return static_cast<unsigned char>(buffer_[at_]);
}

/// Appends up to the line's end, which must be there.
void LdifReader::take_physical(std::string& text) {
  ++lines_;
  for (;;) {
    if (peek() < 0) {
      throw Error(Fault::unavailable, "file.cut",
                  fmt::format("{}:{}: the file ends in the middle of a line", name_, lines_),
                  "it is still being written, or was cut short: write it under another name and rename it when done");
    }
    const char* begin = buffer_.data() + at_;
    const auto* found = static_cast<const char*>(std::memchr(begin, '\n', end_ - at_));
    const std::size_t length = found != nullptr ? static_cast<std::size_t>(found - begin) : end_ - at_;
    if (text.size() + length > k_longest_line) throw syntax(lines_, "this line is longer than 64 MiB");
    text.append(begin, length);
    at_ += length + (found != nullptr ? 1 : 0);
    if (found == nullptr) continue;
    if (text.ends_with('\r')) text.pop_back();
    return;
  }
}

/// One unfolded line; false at the end of the file.
bool LdifReader::take_line(Line& line) {
  line.text.clear();
  if (peek() < 0) return false;
  if (lines_ == 0 && peek() == 0xEF && end_ - at_ >= 3 && std::memcmp(&buffer_[at_], "\xEF\xBB\xBF", 3) == 0) at_ += 3;
  line.number = lines_ + 1;
  take_physical(line.text);
  while (!line.text.empty() && peek() == ' ') {
    ++at_;
    take_physical(line.text);
  }
  return true;
}

/// Passes over blank lines and comments.
bool LdifReader::skip_to_record(Line& line) {
  while (take_line(line)) {
    if (!line.text.empty() && line.text.front() != '#') return true;
  }
  return false;
}

LdifValue LdifReader::parse(Line& line) {
  const std::size_t colon = line.text.find(':');
  if (line.text.front() == ' ') throw syntax(line.number, "a continued line without one to continue");
  if (line.text == "-") {
    throw Error(Fault::invalid, "file.change_record",
                fmt::format("{}:{}: a part of a change record", name_, line.number),
                "only content is imported: what the objects are, not how they changed");
  }
  if (colon == std::string::npos) {
    throw syntax(line.number, fmt::format("\"{}\" is no line of LDIF: the colon is missing", printable(line.text, 60)));
  }
  LdifValue made;
  made.line = line.number;
  made.description = line.text.substr(0, colon);
  if (!is_description(made.description)) {
    throw syntax(line.number, fmt::format("\"{}\" is no attribute name", printable(made.description, 60)));
  }
  std::string_view rest(line.text);
  rest.remove_prefix(colon + 1);
  if (rest.starts_with('<')) {
    throw Error(Fault::invalid, "file.url", fmt::format("{}:{}: values from a URL are not read", name_, line.number),
                "put the value itself into the file, in Base64 after two colons");
  }
  const bool base64 = rest.starts_with(':');
  if (base64) rest.remove_prefix(1);
  skip_blanks(rest);
  if (base64) {
    auto decoded = from_base64(rest);
    if (!decoded) throw syntax(line.number, fmt::format("the value of {} is no Base64", made.description));
    made.bytes = std::move(*decoded);
  } else {
    if (rest.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos || !is_utf8(rest)) {
      throw syntax(line.number, fmt::format("the value of {} holds bytes that are no text", made.description),
                   "such a value is written in Base64, after two colons");
    }
    made.bytes = rest;
  }
  return made;
}

void LdifReader::take_version(const LdifValue& value) {
  if (trim(value.bytes) != "1") {
    throw syntax(value.line, fmt::format("version \"{}\" of LDIF is not known", printable(value.bytes, 20)));
  }
  has_version_ = true;
}

std::string LdifReader::take_dn(LdifValue& value) {
  if (!equal_ascii_case(value.description, "dn")) {
    throw syntax(value.line, fmt::format("a record begins with dn:, not with {}:", value.description));
  }
  if (!is_utf8(value.bytes)) throw syntax(value.line, "the DN is not UTF-8");
  try {
    static_cast<void>(model::parse_dn(value.bytes));
  } catch (const Error& error) {
    throw syntax(value.line, fmt::format("\"{}\" is no DN: {}", printable(value.bytes), error.message()));
  }
  return std::move(value.bytes);
}

std::optional<LdifRecord> LdifReader::next() {
  Line line;
  if (!skip_to_record(line)) return std::nullopt;
  LdifValue first = parse(line);
  if (!std::exchange(begun_, true) && equal_ascii_case(first.description, "version")) {
    take_version(first);
    if (!skip_to_record(line)) return std::nullopt;
    first = parse(line);
  }
  LdifRecord record;
  record.line = first.line;
  record.dn = take_dn(first);
  for (std::size_t size = 0; take_line(line) && !line.text.empty();) {
    if (line.text.front() == '#') continue;
    size += line.text.size();
    if (size > k_largest_record) throw syntax(record.line, "this record is larger than 1 GiB");
    LdifValue value = parse(line);
    if (value.bytes.size() > k_longest_value) throw syntax(value.line, "this value is longer than 64 MiB");
    if (equal_ascii_case(value.description, "dn")) {
      throw syntax(value.line, "a second dn: in one record", "records are separated by a blank line");
    }
    if (record.values.empty() &&
        (equal_ascii_case(value.description, "changetype") || equal_ascii_case(value.description, "control"))) {
      throw Error(Fault::invalid, "file.change_record", fmt::format("{}:{}: a change record", name_, value.line),
                  "only content is imported: what the objects are, not how they changed");
    }
    record.values.push_back(std::move(value));
  }
  if (record.values.empty()) throw syntax(record.line, "a record without attributes");
  return record;
}

}  // namespace linkspan::connector_file
