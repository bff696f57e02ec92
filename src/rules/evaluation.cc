#include "rules/internal/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "rules/internal/time_text.h"

namespace linkspan::rules {
namespace {

constexpr std::size_t k_block = 16UL * 1024;
constexpr std::size_t k_most_memory = 64UL * 1024 * 1024;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::string_view name_of(Type type) noexcept {
  switch (type) {
    case Type::null:
      return "NULL";
    case Type::text:
      return "text";
    case Type::number:
      return "a number";
    case Type::boolean:
      return "True or False";
    case Type::time:
      return "a time";
    case Type::binary:
      return "bytes";
    case Type::reference:
      return "a reference";
    case Type::list:
      return "several values";
    case Type::references:
      return "references";
    case Type::ignore:
      return "IgnoreThisFlow";
    case Type::authoritative_null:
      return "AuthoritativeNull";
    case Type::pattern:
      return "a pattern";
  }
  return "";
}

Datum Datum::of(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return of(std::string_view(*text));
  if (const auto* binary = std::get_if<model::Binary>(&value)) return of(std::string_view(binary->bytes), Type::binary);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return of(*number);
  if (const auto* boolean = std::get_if<bool>(&value)) return of(*boolean);
  return of(std::get<Time>(value));
}

std::optional<std::string> Source::claim_unique(model::NameId, const UniqueCandidates&) const {
  Evaluation::fail("there is nobody here to ask which names are taken");
}

void* Arena::allocate(std::size_t bytes) {
  constexpr std::size_t k_align = alignof(std::max_align_t);
  const std::size_t rounded = (bytes + k_align - 1) / k_align * k_align;
  if (rounded < bytes || rounded > k_most_memory - total_) {
    throw EvaluationFailure{"the expression needs more than 64 MiB of memory"};
  }
  total_ += rounded;
  if (rounded > left_) {
    const std::size_t block = std::max(rounded, k_block);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    at_ = blocks_.back().get();
    left_ = block;
  }
  void* result = at_;
  at_ += rounded;
  left_ -= rounded;
  return result;
}

std::string_view Arena::keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = this->text(text.size());
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

Datum Evaluation::list(const Datum* items, std::size_t count) {
  if (count == 0) return {};
  if (count == 1) return items[0];
  return {Type::list, false, 0, items, count};
}

Datum Evaluation::attribute(model::NameId name, bool imported) {
  const model::ImageAttribute* found = imported ? source_.find_imported(name) : source_.find(name);
  const bool has_values = found != nullptr && !found->values.empty();
  const bool in_image = found != nullptr && !found->references.empty();
  const bool absent = found == nullptr && (!imported || source_.find(name) == nullptr);
  const bool symbolic =
      !has_values && (in_image || ((found != nullptr || absent) && source_.count_references(name) > 0));
  if (symbolic) {
    Datum result = Datum::of(static_cast<std::int64_t>(name));
    result.type = Type::references;
    result.imported = imported;
    return result;
  }
  if (!has_values) return {};
  if (found->values.size() == 1) return Datum::of(found->values.front());
  Datum* items = arena_.data(found->values.size());
  for (std::size_t i = 0; i < found->values.size(); ++i) items[i] = Datum::of(found->values[i]);
  return list(items, found->values.size());
}

std::size_t Evaluation::count(const Datum& datum) const {
  switch (datum.type) {
    case Type::null:
      return 0;
    case Type::list:
      return datum.size;
    case Type::references:
      return source_.count_references(static_cast<model::NameId>(datum.number));
    default:
      return 1;
  }
}

void Evaluation::too_many_steps() { fail("the expression takes more than 5 million steps"); }

Datum Evaluation::names_of(const Datum& references) {
  const std::vector<std::string> names = source_.reference_names(static_cast<model::NameId>(references.number));
  Datum* items = arena_.data(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) items[i] = Datum::of(arena_.keep(names[i]), Type::reference);
  return list(items, names.size());
}

std::string_view Evaluation::to_text(const Datum& datum) {
  switch (datum.type) {
    case Type::null:
      return {};
    case Type::text:
    case Type::reference:
      return datum.text();
    case Type::number: {
      char buffer[24];
      const auto end = fmt::format_to_n(buffer, sizeof(buffer), "{}", datum.number).out;
      return arena_.keep({buffer, static_cast<std::size_t>(end - buffer)});
    }
    case Type::boolean:
      return datum.number != 0 ? "True" : "False";
    case Type::time:
      return arena_.keep(to_rfc3339(datum.time()));
    default:
      fail(fmt::format("text is needed, and this is {}", name_of(datum.type)));
  }
}

std::int64_t Evaluation::to_number(const Datum& datum) {
  if (datum.type == Type::number) return datum.number;
  if (datum.is_textual()) {
    if (const std::optional<std::int64_t> number = number_in(datum.text())) return *number;
  }
  fail(fmt::format("a number is needed, and this is {}", name_of(datum.type)));
}

bool Evaluation::to_boolean(const Datum& datum) {
  if (datum.type == Type::boolean) return datum.number != 0;
  if (datum.is_null()) return false;
  if (datum.is_textual()) {
    if (const std::optional<bool> boolean = boolean_in(datum.text())) return *boolean;
  }
  fail(fmt::format("True or False is needed, and this is {}", name_of(datum.type)));
}

Time Evaluation::to_time(const Datum& datum) {
  if (datum.type == Type::time) return datum.time();
  if (datum.is_textual()) {
    if (const std::optional<Time> time = time_in(datum.text())) return *time;
  }
  fail(fmt::format("a time is needed, and this is {}", name_of(datum.type)));
}

std::span<const Datum> values_of(const Datum& datum) {
  if (datum.is_null()) return {};
  if (datum.type == Type::list) return datum.list();
  return {&datum, 1};
}

bool is_empty(const Datum& datum) { return (datum.is_textual() || datum.type == Type::binary) && datum.size == 0; }

bool is_present(const Evaluation& evaluation, const Datum& datum) {
  if (datum.type == Type::references) return evaluation.count(datum) > 0;
  const std::span<const Datum> values = values_of(datum);
  return std::any_of(values.begin(), values.end(), [](const Datum& value) { return !is_empty(value); });
}

std::optional<std::int64_t> number_in(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  return to_integer(text);
}

std::optional<bool> boolean_in(std::string_view text) {
  if (equal_ascii_case(text, "true")) return true;
  if (equal_ascii_case(text, "false")) return false;
  return std::nullopt;
}

bool equal_folded(std::string_view left, std::string_view right) {
  if (left == right) return true;
  if (is_ascii(left) && is_ascii(right)) return equal_ascii_case(left, right);
  return fold_key(left) == fold_key(right);
}

int compare_folded(std::string_view left, std::string_view right) {
  if (!is_ascii(left) || !is_ascii(right)) return fold_key(left).compare(fold_key(right));
  const std::size_t common = std::min(left.size(), right.size());
  for (std::size_t i = 0; i < common; ++i) {
    const int difference = lower(left[i]) - lower(right[i]);
    if (difference != 0) return difference;
  }
  return left.size() == right.size() ? 0 : left.size() < right.size() ? -1 : 1;
}

namespace {

/// Brings text to the type of the other side where it says one of that type; else leaves it.
Datum towards(Type wanted, const Datum& datum) {
  if (!datum.is_textual()) return datum;
  if (wanted == Type::number) {
    if (const auto number = number_in(datum.text())) return Datum::of(*number);
  } else if (wanted == Type::boolean) {
    if (const auto boolean = boolean_in(datum.text())) return Datum::of(*boolean);
  } else if (wanted == Type::time) {
    if (const auto time = time_in(datum.text())) return Datum::of(*time);
  }
  return datum;
}

void refuse_several(const Datum& datum) {
  if (datum.type == Type::list || datum.type == Type::ignore || datum.type == Type::authoritative_null) {
    Evaluation::fail(fmt::format("a comparison needs single values, and this is {}; use Contains, Where or Item",
                                 name_of(datum.type)));
  }
}

}  // namespace

bool equal(Evaluation& evaluation, const Datum& left, const Datum& right) {
  const Datum first = evaluation.materialise(left);
  const Datum second = evaluation.materialise(right);
  refuse_several(first);
  refuse_several(second);
  if (first.is_null() || second.is_null()) return first.is_null() && second.is_null();
  const Datum a = towards(second.type, first);
  const Datum b = towards(first.type, second);
  if (a.is_textual() && b.is_textual()) return equal_folded(a.text(), b.text());
  if (a.type != b.type) return false;
  return a.type == Type::binary ? a.text() == b.text() : a.number == b.number;
}

std::optional<int> order(Evaluation& evaluation, const Datum& left, const Datum& right) {
  const Datum first = evaluation.materialise(left);
  const Datum second = evaluation.materialise(right);
  refuse_several(first);
  refuse_several(second);
  if (first.is_null() || second.is_null()) return std::nullopt;
  const Datum a = towards(second.type, first);
  const Datum b = towards(first.type, second);
  if (a.is_textual() && b.is_textual()) return compare_folded(a.text(), b.text());
  if (a.type != b.type) {
    Evaluation::fail(fmt::format("{} cannot be ordered against {}", name_of(a.type), name_of(b.type)));
  }
  if (a.type == Type::binary) return a.text().compare(b.text());
  return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
}

}  // namespace linkspan::rules
