#include "connector_file/internal/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace linkspan::connector_file {

CsvReader::CsvReader(ByteSource source, std::string name, Options options, std::size_t buffer)
    : source_(std::move(source)), name_(std::move(name)), options_(options), buffer_(buffer) {}

Error CsvReader::syntax(std::size_t line, std::string_view problem, std::string_view hint) const {
  return {Fault::invalid, "file.syntax", fmt::format("{}:{}: {}", name_, line, problem), std::string(hint)};
}

Error CsvReader::cut(std::string_view where) const {
  return {Fault::unavailable, "file.cut", fmt::format("{}:{}: the file ends {}", name_, line_, where),
          "It is still being written, or was cut short: write it under another name and rename it when it is whole. A "
          "program that never ends the last line needs the setting final_line_break = optional."};
}

int CsvReader::peek() {
  if (at_ == end_) {
    if (ended_) return -1;
    at_ = 0;
    end_ = source_(buffer_);
    ended_ = end_ < buffer_.size();
    if (end_ == 0) return -1;
  }
  return static_cast<unsigned char>(buffer_[at_]);
}

void CsvReader::append(std::string& field, const char* begin, std::size_t length) {
  row_size_ += length;
  if (field.size() + length > k_longest_value) throw syntax(line_, "this field is longer than 64 MiB");
  if (row_size_ > k_largest_record) throw syntax(line_, "this row is larger than 1 GiB");
  field.append(begin, length);
}

/// After the opening quote, up to and over the closing one.
void CsvReader::take_quoted(std::string& field) {
  const std::size_t opened = line_;
  for (;;) {
    if (peek() < 0) throw cut(fmt::format("within the field whose quote was opened in line {}", opened));
    const char* begin = buffer_.data() + at_;
    const char* found = std::find(begin, static_cast<const char*>(buffer_.data() + end_), '"');
    const auto length = static_cast<std::size_t>(found - begin);
    line_ += static_cast<std::size_t>(std::count(begin, found, '\n'));
    append(field, begin, length);
    at_ += length;
    if (at_ == end_) continue;
    ++at_;  // the quote
    if (peek() != '"') return;
    append(field, "\"", 1);
    ++at_;
  }
}

void CsvReader::take_plain(std::string& field) {
  const auto ends = [&](char c) { return c == options_.delimiter || c == '\n' || c == '\r' || c == '"'; };
  while (peek() >= 0) {
    const char* begin = buffer_.data() + at_;
    const char* stop = buffer_.data() + end_;
    const auto length = static_cast<std::size_t>(std::find_if(begin, stop, ends) - begin);
    append(field, begin, length);
    at_ += length;
    if (at_ != end_) break;
  }
  if (peek() == '"') {
    throw syntax(line_, "a quote within a field that does not begin with one",
                 "a field that holds quotes is quoted as a whole, and they are doubled: \"5\"\" pipe\"");
  }
}

bool CsvReader::end_field(std::size_t line) {
  const int c = peek();
  if (c < 0) {
    if (options_.final_line_break) throw cut("without a line break");
    return false;
  }
  ++at_;
  if (c == static_cast<unsigned char>(options_.delimiter)) return true;
  if (c == '\r') {
    if (peek() < 0) throw cut("between the two bytes of a line break");
    if (peek() != '\n') throw syntax(line_, "a carriage return that no line feed follows");
    ++at_;
  } else if (c != '\n') {
    throw syntax(line, "something follows the closing quote of a field",
                 fmt::format("the delimiter '{}' or the end of the line must follow; quotes within are doubled",
                             options_.delimiter));
  }
  ++line_;
  return false;
}

bool CsvReader::skip_blank_lines() {
  for (;;) {
    const int c = peek();
    if (c < 0) return false;
    if (c != '\n' && c != '\r') return true;
    static_cast<void>(end_field(line_));
  }
}

bool CsvReader::next(CsvRow& row) {
  if (!skip_blank_lines()) return false;
  row.line = line_;
  row_size_ = 0;
  std::size_t count = 0;
  for (bool more = true; more;) {
    if (count == k_most_columns) throw syntax(line_, fmt::format("more than {} columns", k_most_columns));
    if (row.fields.size() == count) row.fields.emplace_back();
    std::string& field = row.fields[count++];
    field.clear();
    if (peek() == '"') {
      ++at_;
      take_quoted(field);
    } else {
      take_plain(field);
    }
    if (!is_utf8(field)) {
      throw Error(Fault::invalid, "file.encoding", fmt::format("{}:{}: field {} is not UTF-8", name_, line_, count),
                  "Write the file in UTF-8, or say with the setting encoding what it is written in.");
    }
    more = end_field(line_);
  }
  row.fields.resize(count);
  return true;
}

void append_csv_field(std::string& out, std::string_view field, char delimiter) {
  const bool plain = field.find_first_of("\"\r\n") == std::string_view::npos &&
                     field.find(delimiter) == std::string_view::npos &&
                     (field.empty() || (field.front() != ' ' && field.back() != ' '));
  if (plain) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace linkspan::connector_file
