#pragma once
// One evaluation of one expression for one object: its memory, its limits, and what functions ask of it.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rules/internal/datum.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

class Evaluation {
 public:
  /// `target` is the attribute that the flow writes; 0 when there is no flow.
  explicit Evaluation(const Source& source, model::NameId target = 0) : source_(source), target_(target) {}

  [[nodiscard]] Arena& arena() { return arena_; }
  [[nodiscard]] const Source& source() const { return source_; }
  [[nodiscard]] model::NameId target() const { return target_; }

  [[noreturn]] static void fail(std::string message) { throw EvaluationFailure{std::move(message)}; }

  /// Counts a step; throws when an expression does not come to an end within 5 million of them.
  void step() {
    if (++steps_ > k_most_steps) too_many_steps();
  }

  /// The attribute as a datum; a reference attribute stays symbolic.
  [[nodiscard]] Datum attribute(model::NameId name, bool imported);
  /// How many values, without looking at references.
  [[nodiscard]] std::size_t count(const Datum& datum) const;
  /// References as the list of their names; everything else as it is.
  [[nodiscard]] Datum materialise(const Datum& datum) {
    return datum.type == Type::references ? names_of(datum) : datum;
  }
  /// The same in place.
  void look_at(Datum& datum) {
    if (datum.type == Type::references) datum = names_of(datum);
  }

  /// None is null, one is itself.
  [[nodiscard]] static Datum list(const Datum* items, std::size_t count);

  // Conversions of single values. They throw EvaluationFailure saying what the value is instead.
  [[nodiscard]] std::string_view to_text(const Datum& datum);
  [[nodiscard]] std::int64_t to_number(const Datum& datum);
  [[nodiscard]] bool to_boolean(const Datum& datum);
  [[nodiscard]] Time to_time(const Datum& datum);

 private:
  [[noreturn]] static void too_many_steps();
  [[nodiscard]] Datum names_of(const Datum& references);

  static constexpr std::uint64_t k_most_steps = 5'000'000;
  const Source& source_;
  model::NameId target_;
  Arena arena_;
  std::uint64_t steps_ = 0;
};

/// The values of a datum, whether one or several; null has none. References must be materialised before.
[[nodiscard]] std::span<const Datum> values_of(const Datum& datum);

/// Text or bytes of no length.
[[nodiscard]] bool is_empty(const Datum& datum);
/// Whether there is a value that is not empty; references are not looked at.
[[nodiscard]] bool is_present(const Evaluation& evaluation, const Datum& datum);

/// Whole-number text, also with blanks around.
[[nodiscard]] std::optional<std::int64_t> number_in(std::string_view text);
/// "TRUE", "False", in any case.
[[nodiscard]] std::optional<bool> boolean_in(std::string_view text);

/// Whether two texts are the same but for case and composition; allocates only outside of ASCII.
[[nodiscard]] bool equal_folded(std::string_view left, std::string_view right);
/// Order of the folded texts: negative, 0, positive.
[[nodiscard]] int compare_folded(std::string_view left, std::string_view right);

/// The operators = and <, with the language's conversions.
[[nodiscard]] bool equal(Evaluation& evaluation, const Datum& left, const Datum& right);
/// nullopt when one of them is null.
[[nodiscard]] std::optional<int> order(Evaluation& evaluation, const Datum& left, const Datum& right);

}  // namespace linkspan::rules
