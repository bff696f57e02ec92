// Walks a compiled expression for one object.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <limits>
#include <utility>

#include "rules/internal/program.h"

namespace linkspan::rules {
namespace {

std::int64_t compute(Operator op, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case Operator::plus:
      overflow = __builtin_add_overflow(left, right, &result);
      break;
    case Operator::minus:
      overflow = __builtin_sub_overflow(left, right, &result);
      break;
    case Operator::times:
      overflow = __builtin_mul_overflow(left, right, &result);
      break;
    default:
      if (right == 0) Evaluation::fail("division by zero");
      overflow = left == std::numeric_limits<std::int64_t>::min() && right == -1;
      result = overflow ? 0 : left / right;
  }
  if (overflow) Evaluation::fail("the result does not fit 64 bits");
  return result;
}

Parameter parameter_at(const Function& function, std::size_t index) {
  if (index < function.parameters.size() && function.parameters[index] != Parameter::none)
    return function.parameters[index];
  std::size_t last = 0;
  while (last + 1 < function.parameters.size() && function.parameters[last + 1] != Parameter::none) ++last;
  return function.parameters[last];
}

bool maps(Parameter parameter) { return parameter >= Parameter::text && parameter <= Parameter::scalar; }

[[noreturn, gnu::cold, gnu::noinline]] void misplaced(const Datum& datum) {
  Evaluation::fail(fmt::format("{} can only be the result of a flow", name_of(datum.type)));
}

void refuse_instruction(const Datum& datum) {
  if (datum.type == Type::ignore || datum.type == Type::authoritative_null) misplaced(datum);
}

}  // namespace

class Runner {
 public:
  Runner(const Program& program, Evaluation& evaluation) : program_(program), evaluation_(evaluation) {
    if (program.slots_ != 0) slots_ = evaluation.arena().data(program.slots_);
  }

  Datum run(std::uint32_t index) {
    const Node& node = program_.nodes_[index];
    evaluation_.step();
    switch (node.kind) {
      case Node::Kind::literal:
        return node.literal;
      case Node::Kind::attribute:
        return evaluation_.attribute(static_cast<model::NameId>(node.literal.number), false);
      case Node::Kind::imported:
        return evaluation_.attribute(static_cast<model::NameId>(node.literal.number), true);
      case Node::Kind::value_count:
        return count(node);
      case Node::Kind::parameter:
        return parameter(node);
      case Node::Kind::variable:
        assert(slots_ != nullptr);
        return slots_[node.slot];
      case Node::Kind::call:
        return call(node);
      case Node::Kind::concat:
      case Node::Kind::arithmetic:
        return arithmetic(node);
      case Node::Kind::comparison:
        return comparison(node);
      case Node::Kind::all_of:
        return Datum::of(logical(node, false));
      case Node::Kind::any_of:
        return Datum::of(logical(node, true));
      case Node::Kind::negate:
        return negate(node);
      case Node::Kind::iif:
        return run(child(node, condition(node, 0) ? 1 : 2));
      case Node::Kind::switch_case:
        return switch_case(node);
      case Node::Kind::coalesce:
        return coalesce(node);
      case Node::Kind::select:
      case Node::Kind::where:
        return each(node);
      case Node::Kind::with:
        assert(slots_ != nullptr);
        slots_[node.slot] = run(child(node, 0));
        return run(child(node, 1));
      case Node::Kind::error:
        Evaluation::fail(std::string(error_text(node)));
    }
    return {};
  }

  /// What run() gives for a call whose only argument is an attribute, by the short way.
  Datum call_on_attribute(const Node& node) {
    const Function& function = *node.inner.function;
    const Node& attribute = program_.nodes_[node.inner.near[0]];
    Datum argument = evaluation_.attribute(static_cast<model::NameId>(attribute.literal.number), false);
    if (argument.is_null() && function.null_gives_null) return {};
    return call_with_one(function, argument);
  }

 private:
  [[nodiscard]] std::uint32_t child(const Node& node, std::uint32_t index) const {
    return node.count <= node.inner.near.size() ? node.inner.near[index] : program_.indexes_[node.first + index];
  }

  Datum value(const Node& node, std::uint32_t index) {
    const Datum datum = run(child(node, index));
    refuse_instruction(datum);
    return datum;
  }

  bool condition(const Node& node, std::uint32_t index) {
    Datum datum = run(child(node, index));
    if (datum.type == Type::boolean) return datum.number != 0;
    evaluation_.look_at(datum);
    return evaluation_.to_boolean(datum);
  }

  std::string_view error_text(const Node& node) {
    const Datum message = evaluation_.materialise(value(node, 0));
    const std::span<const Datum> values = values_of(message);
    return values.empty() ? std::string_view("Error() without a message") : evaluation_.to_text(values.front());
  }

  Datum count(const Node& node) {
    const auto name = static_cast<model::NameId>(node.literal.number);
    return Datum::of(static_cast<std::int64_t>(evaluation_.count(evaluation_.attribute(name, false))));
  }

  Datum parameter(const Node& node) {
    const std::optional<std::string> text = evaluation_.source().parameter(node.literal.text());
    if (!text) Evaluation::fail(fmt::format("this object has no parameter %{}%", node.literal.text()));
    return Datum::of(evaluation_.arena().keep(*text));
  }

  bool logical(const Node& node, bool stop_at) {
    for (std::uint32_t i = 0; i < node.count; ++i) {
      if (condition(node, i) == stop_at) return stop_at;
    }
    return !stop_at;
  }

  Datum negate(const Node& node) {
    const Datum operand = evaluation_.materialise(value(node, 0));
    if (operand.is_null()) return operand;
    return Datum::of(compute(Operator::minus, 0, evaluation_.to_number(operand)));
  }

  Datum comparison(const Node& node) {
    Datum left = run(child(node, 0));
    for (std::uint32_t i = 1; i < node.count; ++i) {
      left = Datum::of(compare(program_.operators_[node.slot + i - 1], left, run(child(node, i))));
    }
    return left;
  }

  bool compare(Operator op, const Datum& left, const Datum& right) {
    if (op == Operator::equal) return equal(evaluation_, left, right);
    if (op == Operator::not_equal) return !equal(evaluation_, left, right);
    const std::optional<int> order = rules::order(evaluation_, left, right);
    if (!order) return false;
    switch (op) {
      case Operator::less:
        return *order < 0;
      case Operator::less_or_equal:
        return *order <= 0;
      case Operator::greater:
        return *order > 0;
      default:
        return *order >= 0;
    }
  }

  // From the left; runs of & are joined in one go, so a long chain costs its length.
  Datum arithmetic(const Node& node) {
    Datum left = evaluation_.materialise(value(node, 0));
    for (std::uint32_t i = 1; i < node.count;) {
      const Operator op = program_.operators_[node.slot + i - 1];
      if (op != Operator::concat) {
        left = calculate(op, left, evaluation_.materialise(value(node, i)));
        ++i;
        continue;
      }
      std::uint32_t end = i;
      while (end < node.count && program_.operators_[node.slot + end - 1] == Operator::concat) ++end;
      left = concat(node, left, i, end);
      i = end;
    }
    return left;
  }

  Datum calculate(Operator op, const Datum& left, const Datum& right) {
    if (left.is_null() || right.is_null()) return {};
    return Datum::of(compute(op, evaluation_.to_number(left), evaluation_.to_number(right)));
  }

  Datum concat(const Node& node, const Datum& first, std::uint32_t begin, std::uint32_t end) {
    const std::size_t count = end - begin + 1;
    Datum* parts = evaluation_.arena().data(count);
    parts[0] = first;
    for (std::uint32_t i = begin; i < end; ++i) parts[i - begin + 1] = evaluation_.materialise(value(node, i));
    const Datum* several =
        std::find_if(parts, parts + count, [](const Datum& part) { return part.type == Type::list; });
    if (several == parts + count) return join(parts, count, nullptr, {});
    if (std::any_of(several + 1, static_cast<const Datum*>(parts + count),
                    [](const Datum& part) { return part.type == Type::list; })) {
      Evaluation::fail("& joins several values with one text, not with several others");
    }
    const std::span<const Datum> values = several->list();
    Datum* results = evaluation_.arena().data(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) results[i] = join(parts, count, several, values[i]);
    return Evaluation::list(results, values.size());
  }

  Datum join(const Datum* parts, std::size_t count, const Datum* replaced, const Datum& replacement) {
    evaluation_.step();
    auto* texts = static_cast<std::string_view*>(evaluation_.arena().allocate(count * sizeof(std::string_view)));
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      texts[i] = evaluation_.to_text(parts + i == replaced ? replacement : parts[i]);
      size += texts[i].size();
    }
    char* out = evaluation_.arena().text(size);
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!texts[i].empty()) std::memcpy(out + at, texts[i].data(), texts[i].size());
      at += texts[i].size();
    }
    return Datum::of(std::string_view(out, size));
  }

  Datum switch_case(const Node& node) {
    for (std::uint32_t i = 0; i < node.count; i += 2) {
      if (condition(node, i)) return run(child(node, i + 1));
    }
    return {};
  }

  Datum coalesce(const Node& node) {
    for (std::uint32_t i = 0; i < node.count; ++i) {
      const Datum candidate = run(child(node, i));
      if (is_present(evaluation_, candidate)) return candidate;
    }
    return {};
  }

  Datum each(const Node& node) {
    const Datum input = evaluation_.materialise(value(node, 0));
    const std::span<const Datum> values = values_of(input);
    Datum* kept = evaluation_.arena().data(values.size());
    std::size_t count = 0;
    for (const Datum& item : values) {
      slots_[node.slot] = item;
      if (node.kind == Node::Kind::where) {
        if (condition(node, 1)) kept[count++] = item;
        continue;
      }
      const Datum result = evaluation_.materialise(value(node, 1));
      if (result.type == Type::list) Evaluation::fail("Select needs an expression that gives one value for each");
      if (!result.is_null()) kept[count++] = result;
    }
    return Evaluation::list(kept, count);
  }

  // --- functions ---

  static constexpr std::size_t k_most_arguments = 8;

  /// Arguments live on the stack, in no more room than most calls need.
  Datum call(const Node& node) {
    if (node.count == 1) {
      Datum argument = value(node, 0);
      return call_with_one(*node.inner.function, argument);
    }
    if (node.count <= 3) return call_with<3>(node);
    return call_with<k_most_arguments>(node);
  }

  Datum call_with_one(const Function& function, Datum& argument) {
    const Parameter parameter = function.parameters[0];
    if (parameter != Parameter::raw) evaluation_.look_at(argument);
    if (argument.type == Type::list && maps(parameter)) return call_for_each(function, &argument, 1, 0);
    return call_once(function, &argument, 1);
  }

  template <std::size_t Room>
  Datum call_with(const Node& node) {
    const Function& function = *node.inner.function;
    std::array<Datum, Room> arguments;
    std::size_t mapped = Room;
    for (std::uint32_t i = 0; i < node.count; ++i) {
      const Parameter parameter = parameter_at(function, i);
      Datum& argument = arguments[i];
      argument = value(node, i);
      if (parameter != Parameter::raw) evaluation_.look_at(argument);
      if (argument.type == Type::list && maps(parameter)) {
        if (mapped != Room)
          Evaluation::fail(fmt::format("{}: only one argument may have several values", function.name));
        mapped = i;
      }
    }
    if (mapped == Room) return call_once(function, arguments.data(), node.count);
    return call_for_each(function, arguments.data(), node.count, mapped);
  }

  Datum call_for_each(const Function& function, const Datum* arguments, std::size_t given, std::size_t mapped) {
    const Datum several = arguments[mapped];
    Datum* results = evaluation_.arena().data(several.size);
    std::size_t count = 0;
    for (const Datum& item : several.list()) {
      evaluation_.step();
      std::array<Datum, k_most_arguments> once;
      std::copy(arguments, arguments + given, once.begin());
      once[mapped] = item;
      const Datum result = call_once(function, once.data(), given);
      if (result.type == Type::list)
        Evaluation::fail(fmt::format("{} gives several values for one of several", function.name));
      if (!result.is_null()) results[count++] = result;
    }
    return Evaluation::list(results, count);
  }

  Datum call_once(const Function& function, Datum* arguments, std::size_t count) {
    if (function.null_gives_null && count != 0 && arguments[0].is_null()) return {};
    try {
      for (std::size_t i = 0; i < count; ++i) convert(parameter_at(function, i), arguments[i]);
      return function.call(evaluation_, arguments, count);
    } catch (EvaluationFailure& failure) {
      failure.message = fmt::format("{}: {}", function.name, failure.message);
      throw;
    }
  }

  void convert(Parameter parameter, Datum& argument) {
    if (argument.is_null() || (argument.type == Type::text && parameter == Parameter::text)) return;
    switch (parameter) {
      case Parameter::replacement:
        if (argument.type == Type::list) Evaluation::fail("the replacement is one text, and this is several");
        [[fallthrough]];
      case Parameter::text:
        if (!argument.is_textual()) argument = Datum::of(evaluation_.to_text(argument));
        return;
      case Parameter::number:
        argument = Datum::of(evaluation_.to_number(argument));
        return;
      case Parameter::boolean:
        argument = Datum::of(evaluation_.to_boolean(argument));
        return;
      case Parameter::time:
        argument = Datum::of(evaluation_.to_time(argument));
        return;
      case Parameter::single:
        if (argument.type == Type::list) Evaluation::fail("one value is needed, and these are several; use Item");
        return;
      case Parameter::binary:
        if (argument.type != Type::binary)
          Evaluation::fail(fmt::format("bytes are needed, and this is {}", name_of(argument.type)));
        return;
      default:
        return;
    }
  }

  const Program& program_;
  Evaluation& evaluation_;
  Datum* slots_ = nullptr;
};

Datum Program::run(Evaluation& evaluation) const {
  Runner runner(*this, evaluation);
  if (on_attribute_) return runner.call_on_attribute(nodes_.back());
  return runner.run(static_cast<std::uint32_t>(nodes_.size() - 1));
}

}  // namespace linkspan::rules
