#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "rules/evaluate.h"
#include "rules/internal/program.h"

namespace linkspan::rules {
namespace {

constexpr std::uint32_t k_most_variables = 32;

constexpr std::array<std::string_view, 8> k_parameters{"Connector.ID", "Connector.Name", "Domain.FQDN",
                                                       "Domain.LDAP",  "Domain.Netbios", "Forest.FQDN",
                                                       "Forest.LDAP",  "Forest.Netbios"};

TypeSet accepted_by(Parameter parameter) {
  switch (parameter) {
    case Parameter::text:
      return k_null | k_text | k_reference | k_list;
    case Parameter::number:
      return k_null | k_number | k_list;
    case Parameter::boolean:
      return k_null | k_boolean | k_list;
    case Parameter::time:
      return k_null | k_time | k_list;
    case Parameter::binary:
      return k_null | k_binary | k_list;
    case Parameter::encoded:
      return k_null | k_binary | k_text | k_list;
    case Parameter::option:
    case Parameter::pattern:
      return k_text;
    case Parameter::replacement:
      return k_null | k_text | k_reference;
    case Parameter::single:
      return k_null | k_scalar;
    default:
      return k_any;
  }
}

bool maps(Parameter parameter) { return parameter >= Parameter::text && parameter <= Parameter::scalar; }

std::string_view way_out(TypeSet wanted, TypeSet found) {
  if ((wanted & k_text) != 0 && (found & k_time) != 0) return "Use FormatDateTime() to make text of a time.";
  if ((wanted & k_text) != 0 && (found & k_binary) != 0) return "Use ConvertToBase64() to make text of bytes.";
  if ((wanted & k_text) != 0) return "Use CStr() to make text of it.";
  if ((wanted & k_number) != 0 && (found & k_text) != 0) return "Use CNum() to make a number of text.";
  if ((wanted & k_boolean) != 0) return "Use a comparison, or CBool().";
  if ((wanted & k_time) != 0) return "Use CDate() to read a time from text.";
  return "";
}

Parameter parameter_at(const Function& function, std::size_t index) {
  std::size_t last = 0;
  while (last + 1 < function.parameters.size() && function.parameters[last + 1] != Parameter::none) ++last;
  return function.parameters[std::min(index, last)];
}

struct LazyForm {
  std::string_view name;
  Node::Kind kind;
  std::size_t least;
  std::size_t most;
  std::string_view signature;
  std::string_view description;
  bool own = false;
};

constexpr std::size_t k_many = 1000;
constexpr std::array<LazyForm, 9> k_lazy{{
    {"Coalesce", Node::Kind::coalesce, 1, k_many, "Coalesce(value, value, ...)",
     "The first that is present; NULL if none is. The others are not computed.", true},
    {"Error", Node::Kind::error, 1, 1, "Error(message)", "Fails: the object is not flowed."},
    {"IIF", Node::Kind::iif, 3, 3, "IIF(condition, value, otherwise)",
     "One or the other; only what is chosen is computed."},
    {"ImportedValue", Node::Kind::imported, 1, 1, "ImportedValue(\"attribute\")",
     "The attribute as an import has confirmed it, without what we are about to export."},
    {"Select", Node::Kind::select, 3, 3, "Select($variable, values, expression)", "The expression for each value."},
    {"Switch", Node::Kind::switch_case, 2, k_many, "Switch(condition, value, ...)",
     "The value of the first condition that holds; NULL if none does."},
    {"ValueCount", Node::Kind::value_count, 1, 1, "ValueCount(\"attribute\")",
     "How many values the attribute has, without looking at them."},
    {"Where", Node::Kind::where, 3, 3, "Where($variable, values, condition)", "The values for which it holds."},
    {"With", Node::Kind::with, 3, 3, "With($variable, value, expression)", "The expression with a name for a value."},
}};

const LazyForm* find_lazy(std::string_view name) {
  const auto* found =
      std::find_if(k_lazy.begin(), k_lazy.end(), [&](const LazyForm& form) { return form.name == name; });
  return found == k_lazy.end() ? nullptr : found;
}

std::array<std::span<const Function>, 6> tables() {
  return {text_functions(),  conversion_functions(),  time_functions(),
          value_functions(), certificate_functions(), own_functions()};
}

}  // namespace

std::string describe(TypeSet types) {
  constexpr std::array<std::pair<TypeSet, std::string_view>, 9> k_words{{{k_text, "text"},
                                                                         {k_number, "a number"},
                                                                         {k_boolean, "True or False"},
                                                                         {k_time, "a time"},
                                                                         {k_binary, "bytes"},
                                                                         {k_reference, "a reference"},
                                                                         {k_list, "several values"},
                                                                         {k_null, "NULL"},
                                                                         {k_control, "an instruction"}}};
  std::string out;
  for (const auto& [bit, word] : k_words) {
    if ((types & bit) == 0) continue;
    if (!out.empty()) out += " or ";
    out += word;
  }
  return out;
}

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto table : tables()) {
      for (const Function& function : table) all.emplace_back(function.name);
    }
    for (const LazyForm& form : k_lazy) all.emplace_back(form.name);
    std::sort(all.begin(), all.end());
    return all;
  }();
  return names;
}

const Function* find_function(std::string_view name) {
  for (const auto table : tables()) {
    for (const Function& function : table) {
      if (function.name == name) return &function;
    }
  }
  return nullptr;
}

std::vector<FunctionHelp> list_functions() {
  std::vector<FunctionHelp> out;
  out.reserve(function_names().size());
  for (const LazyForm& form : k_lazy)
    out.push_back({std::string(form.name), std::string(form.signature), std::string(form.description), form.own});
  for (const auto table : tables()) {
    for (const Function& function : table) {
      out.push_back({std::string(function.name), std::string(function.signature), std::string(function.description),
                     table.data() == own_functions().data()});
    }
  }
  std::sort(out.begin(), out.end(), [](const FunctionHelp& a, const FunctionHelp& b) { return a.name < b.name; });
  return out;
}

/// Walks the tree once: checks, and lays the nodes out children first.
class Compiler {
 public:
  Compiler(Program& program, model::Names& names, ExpressionProblems& problems)
      : program_(program), names_(names), problems_(problems) {}

  struct Result {
    std::uint32_t node = 0;
    TypeSet types = k_any;
  };

  Result compile(const Expr& expression) {
    return std::visit([&](const auto& node) { return make(node, expression.offset); }, expression.node);
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void error(std::size_t offset, std::string_view id, std::string message, std::string_view hint = {}) {
    failed_ = true;
    problems_.push_back({Problem::Severity::error, offset, std::string(id), std::move(message), std::string(hint)});
  }

  Result add(Node node, TypeSet types) {
    program_.nodes_.push_back(node);
    return {static_cast<std::uint32_t>(program_.nodes_.size() - 1), types};
  }

  void adopt(Node& node, const std::vector<std::uint32_t>& children, const Function* function = nullptr) {
    node.inner = {function, {}};
    node.count = static_cast<std::uint32_t>(children.size());
    if (children.size() <= node.inner.near.size()) {
      std::copy(children.begin(), children.end(), node.inner.near.begin());
      return;
    }
    node.first = static_cast<std::uint32_t>(program_.indexes_.size());
    program_.indexes_.insert(program_.indexes_.end(), children.begin(), children.end());
  }

  std::string_view keep(const std::string& text) {
    program_.texts_.push_back(std::make_unique<std::string>(text));
    return *program_.texts_.back();
  }

  Result literal(Datum datum, TypeSet types) {
    Node node;
    node.literal = datum;
    return add(node, types);
  }

  Result make(const TextLiteral& literal_node, std::size_t) {
    return literal(Datum::of(keep(literal_node.text)), k_text);
  }
  Result make(const NumberLiteral& literal_node, std::size_t) {
    return literal(Datum::of(literal_node.number), k_number);
  }
  Result make(const BooleanLiteral& literal_node, std::size_t) {
    return literal(Datum::of(literal_node.value), k_boolean);
  }

  Result make(const Keyword& word, std::size_t) {
    if (word == Keyword::null) return literal({}, k_null);
    Datum datum;
    datum.type = word == Keyword::ignore_this_flow ? Type::ignore : Type::authoritative_null;
    return literal(datum, k_control);
  }

  Result read(Node::Kind kind, std::string_view name, TypeSet types) {
    Node node;
    node.kind = kind;
    node.literal = Datum::of(static_cast<std::int64_t>(names_.id(name)));
    return add(node, types);
  }

  Result make(const AttributeRead& attribute, std::size_t) {
    return read(Node::Kind::attribute, attribute.name, k_any);
  }

  Result make(const ParameterRead& parameter, std::size_t offset) {
    if (std::find(k_parameters.begin(), k_parameters.end(), parameter.name) == k_parameters.end()) {
      const std::vector<std::string> known(k_parameters.begin(), k_parameters.end());
      const std::optional<std::string> near = nearest(parameter.name, known);
      problems_.push_back({Problem::Severity::warning, offset, "rules.unknown_parameter",
                           fmt::format("%{}% is no parameter that every connector has", parameter.name),
                           near ? fmt::format("Did you mean %{}%?", *near) : ""});
    }
    Node node;
    node.kind = Node::Kind::parameter;
    node.literal = Datum::of(keep(parameter.name));
    return add(node, k_text);
  }

  Result make(const VariableRead& variable, std::size_t offset) {
    Node node;
    node.kind = Node::Kind::variable;
    for (std::size_t i = scope_.size(); i-- > 0;) {
      if (scope_[i].first != variable.name) continue;
      node.slot = static_cast<std::uint32_t>(i);
      return add(node, scope_[i].second);
    }
    error(offset, "rules.unknown_variable", fmt::format("${} is not defined here", variable.name),
          "Variables are named by Select, Where and With.");
    return add(node, k_any);
  }

  Result make(const WordLiteral& word, std::size_t offset) {
    std::vector<std::string> known = function_names();
    for (const char* keyword : {"True", "False", "NULL", "CRLF", "IgnoreThisFlow", "AuthoritativeNull"})
      known.emplace_back(keyword);
    const std::optional<std::string> near = nearest(word.word, known);
    error(offset, "rules.unknown_word", fmt::format("{} means nothing here", word.word),
          near ? fmt::format("Did you mean {}?", *near)
               : fmt::format("An attribute is written [{0}], text \"{0}\".", word.word));
    return literal({}, k_any);
  }

  Result make(const Negation& negation, std::size_t offset) {
    const Result inner = compile(negation.operand.front());
    require(inner.types, k_number | k_null, offset, "the minus sign needs");
    Node node;
    node.kind = Node::Kind::negate;
    adopt(node, {inner.node});
    return add(node, k_number | k_null);
  }

  void require(TypeSet found, TypeSet wanted, std::size_t offset, std::string_view who) {
    if ((found & wanted) != 0 || found == 0) return;
    if ((found & k_control) != 0) {
      error(offset, "rules.misplaced_instruction",
            "IgnoreThisFlow and AuthoritativeNull can only be the result of a flow, not part of a computation",
            "Return it from IIF or Switch.");
      return;
    }
    error(offset, "rules.type",
          fmt::format("{} {}, and this is {}", who, describe(static_cast<TypeSet>(wanted & ~k_null & ~k_list)),
                      describe(found)),
          way_out(wanted, found));
  }

  Result make(const Chain& chain, std::size_t) {
    std::vector<std::uint32_t> children;
    TypeSet list = 0;
    const Level level = level_of(chain.operators.front());
    const bool concat =
        std::all_of(chain.operators.begin(), chain.operators.end(), [](Operator op) { return op == Operator::concat; });
    TypeSet before = 0;
    for (std::size_t i = 0; i < chain.operands.size(); ++i) {
      const Result operand = compile(chain.operands[i]);
      const Operator op = chain.operators[i == 0 ? 0 : i - 1];
      check_operand(chain, level, op, operand.types, chain.operands[i].offset);
      if (level == Level::comparison && i != 0) check_comparable(before, operand.types, chain.operands[i].offset);
      before = level == Level::comparison && i != 0 ? k_boolean : operand.types;
      list |= static_cast<TypeSet>(operand.types & k_list);
      children.push_back(operand.node);
    }
    Node node;
    node.slot = static_cast<std::uint32_t>(program_.operators_.size());
    program_.operators_.insert(program_.operators_.end(), chain.operators.begin(), chain.operators.end());
    adopt(node, children);
    switch (level) {
      case Level::logical_or:
        node.kind = Node::Kind::any_of;
        return add(node, k_boolean);
      case Level::logical_and:
        node.kind = Node::Kind::all_of;
        return add(node, k_boolean);
      case Level::comparison:
        node.kind = Node::Kind::comparison;
        return add(node, k_boolean);
      case Level::arithmetic:
        break;
    }
    node.kind = concat ? Node::Kind::concat : Node::Kind::arithmetic;
    if (concat) return add(node, static_cast<TypeSet>(k_text | list));
    return add(node, chain.operators.back() == Operator::concat ? static_cast<TypeSet>(k_text | list)
                                                                : static_cast<TypeSet>(k_number | k_null));
  }

  void check_operand(const Chain&, Level level, Operator op, TypeSet types, std::size_t offset) {
    const std::string who = fmt::format("{} needs", text_of(op));
    if (level == Level::logical_or || level == Level::logical_and)
      return require(types, k_boolean | k_null, offset, who);
    if (level == Level::comparison) return require(types, k_scalar | k_null, offset, who);
    if (op == Operator::concat) return require(types, k_text | k_number | k_reference | k_null | k_list, offset, who);
    // The left side of a mixed chain may be what & made; whether it is a number shows when it is computed.
    require(types, k_number | k_null, offset, who);
  }

  void check_comparable(TypeSet left, TypeSet right, std::size_t offset) {
    const auto known = [](TypeSet types) { return (types & k_null) == 0 && types != 0; };
    if (!known(left) || !known(right)) return;
    const auto kin = [](TypeSet types) {
      return (types & k_reference) != 0 ? static_cast<TypeSet>(types | k_text) : types;
    };
    if ((kin(left) & kin(right)) != 0) return;
    error(offset, "rules.type", fmt::format("{} is compared with {}", describe(left), describe(right)),
          way_out(left, right));
  }

  // --- calls ---

  Result make(const Call& call, std::size_t offset) {
    if (const LazyForm* form = find_lazy(call.function); form != nullptr) return lazy(*form, call, offset);
    const Function* function = find_function(call.function);
    if (function == nullptr) return unknown_function(call, offset);
    Node node;
    node.kind = Node::Kind::call;
    program_.unstable_ = program_.unstable_ || function->unstable;
    program_.claims_ = program_.claims_ || function->claims;
    check_count(call, offset, function->least, function->most, function->signature);
    std::vector<std::uint32_t> children;
    TypeSet result = function->result;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const Parameter parameter = parameter_at(*function, i);
      const Result argument = parameter == Parameter::option    ? option(call.arguments[i], *function)
                              : parameter == Parameter::pattern ? pattern(call.arguments[i], *function)
                                                                : compile(call.arguments[i]);
      require(argument.types, accepted_by(parameter), call.arguments[i].offset, fmt::format("{} needs", call.function));
      if (parameter == Parameter::replacement) check_replacement(call.arguments[i]);
      if (maps(parameter)) result |= static_cast<TypeSet>(argument.types & k_list);
      if (i == 0 && function->null_gives_null) result |= static_cast<TypeSet>(argument.types & k_null);
      children.push_back(argument.node);
    }
    adopt(node, children, function);
    return add(node, result);
  }

  Result unknown_function(const Call& call, std::size_t offset) {
    const std::optional<std::string> near = nearest(call.function, function_names());
    error(offset, "rules.unknown_function", fmt::format("there is no function {}", call.function),
          near ? fmt::format("Did you mean {}?", *near) : "Names of functions are case-sensitive.");
    for (const Expr& argument : call.arguments) {
      if (!std::holds_alternative<WordLiteral>(argument.node) && !std::holds_alternative<VariableRead>(argument.node))
        compile(argument);
    }
    return literal({}, 0);
  }

  void check_count(const Call& call, std::size_t offset, std::size_t least, std::size_t most,
                   std::string_view signature) {
    const std::size_t given = call.arguments.size();
    if (given >= least && given <= most) return;
    const std::string wanted = least == most    ? std::to_string(least)
                               : most >= k_many ? fmt::format("at least {}", least)
                                                : fmt::format("{} to {}", least, most);
    error(offset, "rules.argument_count",
          fmt::format("{} takes {} argument{}, {} given", call.function, wanted, wanted == "1" ? "" : "s", given),
          fmt::format("It is written {}.", signature));
  }

  Result option(const Expr& argument, const Function& function) {
    const std::string* word = nullptr;
    if (const auto* bare = std::get_if<WordLiteral>(&argument.node)) word = &bare->word;
    if (const auto* text = std::get_if<TextLiteral>(&argument.node)) word = &text->text;
    if (word == nullptr) {
      error(argument.offset, "rules.option",
            fmt::format("{} needs one of these words: {}", function.name, function.options));
      return literal({}, k_text);
    }
    std::vector<std::string> known;
    for (const std::string_view each : split(function.options, ' ')) {
      if (equal_ascii_case(each, *word)) return literal(Datum::of(each), k_text);
      known.emplace_back(each);
    }
    const std::optional<std::string> near = nearest(*word, known);
    error(argument.offset, "rules.option",
          fmt::format("{} does not know {}; it knows: {}", function.name, *word, function.options),
          near ? fmt::format("Did you mean {}?", *near) : "");
    return literal({}, k_text);
  }

  Result pattern(const Expr& argument, const Function& function) {
    const auto* text = std::get_if<TextLiteral>(&argument.node);
    if (text == nullptr) {
      error(argument.offset, "rules.pattern",
            fmt::format("the pattern of {} stands between quotes, so that it can be checked", function.name),
            fmt::format("It is written {}.", function.signature));
      return literal({}, k_text);
    }
    std::string why;
    std::unique_ptr<Pattern> compiled = Pattern::compile(text->text, why);
    if (compiled == nullptr) {
      error(argument.offset, "rules.pattern", fmt::format("the pattern cannot be read: {}", printable(why)),
            "Patterns are those of RE2: no look-ahead, no references back.");
      return literal({}, k_text);
    }
    Datum datum;
    datum.type = Type::pattern;
    datum.data = compiled.get();
    program_.patterns_.push_back(std::move(compiled));
    return literal(datum, k_text);
  }

  /// Against the pattern before it.
  void check_replacement(const Expr& argument) {
    const auto* text = std::get_if<TextLiteral>(&argument.node);
    if (text == nullptr || program_.patterns_.empty()) return;
    if (const auto why = program_.patterns_.back()->refuses(text->text))
      error(argument.offset, "rules.pattern", fmt::format("the replacement does not fit the pattern: {}", *why));
  }

  Result lazy(const LazyForm& form, const Call& call, std::size_t offset) {
    check_count(call, offset, form.least, form.most, form.signature);
    if (call.arguments.size() < form.least || call.arguments.size() > form.most) return literal({}, 0);
    switch (form.kind) {
      case Node::Kind::iif:
        return condition(call);
      case Node::Kind::switch_case:
        return switch_case(call, offset);
      case Node::Kind::imported:
      case Node::Kind::value_count:
        return by_name(form, call);
      case Node::Kind::error:
        return error_call(call);
      case Node::Kind::coalesce:
        return coalesce(call);
      default:
        return binding(form, call);
    }
  }

  Result finish(Node::Kind kind, const std::vector<std::uint32_t>& children, TypeSet types) {
    Node node;
    node.kind = kind;
    adopt(node, children);
    return add(node, types);
  }

  Result condition(const Call& call) {
    const Result test = compile(call.arguments[0]);
    require(test.types, k_boolean | k_null, call.arguments[0].offset, "the condition of IIF needs");
    const Result yes = compile(call.arguments[1]);
    const Result no = compile(call.arguments[2]);
    return finish(Node::Kind::iif, {test.node, yes.node, no.node}, yes.types | no.types);
  }

  Result switch_case(const Call& call, std::size_t offset) {
    if (call.arguments.size() % 2 != 0) {
      error(offset, "rules.argument_count",
            "Switch takes pairs of a condition and a value, and the last condition has no value");
    }
    std::vector<std::uint32_t> children;
    TypeSet types = k_null;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const Result argument = compile(call.arguments[i]);
      if (i % 2 == 0) {
        require(argument.types, k_boolean | k_null, call.arguments[i].offset, "a condition of Switch needs");
      } else {
        types |= argument.types;
      }
      children.push_back(argument.node);
    }
    return finish(Node::Kind::switch_case, children, types);
  }

  Result coalesce(const Call& call) {
    std::vector<std::uint32_t> children;
    TypeSet types = k_null;
    for (const Expr& each : call.arguments) {
      const Result argument = compile(each);
      types |= argument.types;
      children.push_back(argument.node);
    }
    return finish(Node::Kind::coalesce, children, types);
  }

  Result by_name(const LazyForm& form, const Call& call) {
    const TypeSet types = form.kind == Node::Kind::value_count ? k_number : k_any;
    const auto* name = std::get_if<TextLiteral>(&call.arguments[0].node);
    if (name != nullptr && !name->text.empty()) return read(form.kind, name->text, types);
    const auto* attribute = std::get_if<AttributeRead>(&call.arguments[0].node);
    error(call.arguments[0].offset, "rules.attribute_name",
          fmt::format("{} takes the name of an attribute between quotes", form.name),
          attribute != nullptr ? fmt::format("Write {}(\"{}\").", form.name, attribute->name) : "");
    return literal({}, types);
  }

  Result error_call(const Call& call) {
    const Result message = compile(call.arguments[0]);
    require(message.types, k_text | k_reference | k_null | k_list, call.arguments[0].offset, "Error needs");
    return finish(Node::Kind::error, {message.node}, 0);
  }

  Result binding(const LazyForm& form, const Call& call) {
    const auto* variable = std::get_if<VariableRead>(&call.arguments[0].node);
    const std::string name = variable == nullptr ? std::string() : variable->name;
    if (variable == nullptr) {
      error(call.arguments[0].offset, "rules.variable", fmt::format("{} names a variable first", form.name),
            fmt::format("It is written {}.", form.signature));
    }
    const Result values = compile(call.arguments[1]);
    require(values.types, k_any, call.arguments[1].offset, fmt::format("{} needs", form.name));
    if (scope_.size() == k_most_variables) {
      error(call.arguments[0].offset, "rules.too_deep",
            fmt::format("more than {} variables are in use at once", k_most_variables));
      return literal({}, 0);
    }
    const auto slot = static_cast<std::uint32_t>(scope_.size());
    const bool each = form.kind != Node::Kind::with;
    scope_.emplace_back(name, each ? static_cast<TypeSet>(k_scalar) : values.types);
    program_.slots_ = std::max(program_.slots_, slot + 1);
    const Result body = compile(call.arguments[2]);
    scope_.pop_back();
    if (form.kind == Node::Kind::where)
      require(body.types, k_boolean | k_null, call.arguments[2].offset, "the condition of Where needs");
    if (form.kind == Node::Kind::select) require(body.types, k_any, call.arguments[2].offset, "Select needs");
    Node node;
    node.kind = form.kind;
    node.slot = slot;
    adopt(node, {values.node, body.node});
    return add(node, each ? static_cast<TypeSet>(k_any) : body.types);
  }

  Program& program_;
  model::Names& names_;
  ExpressionProblems& problems_;
  std::vector<std::pair<std::string, TypeSet>> scope_;
  bool failed_ = false;
};

std::unique_ptr<Program> Program::compile(const Expr& expression, model::Names& names, ExpressionProblems& problems) {
  auto program = std::make_unique<Program>();
  Compiler compiler(*program, names, problems);
  compiler.compile(expression);
  if (compiler.failed()) return nullptr;
  program->nodes_.shrink_to_fit();
  const Node& root = program->nodes_.back();
  program->on_attribute_ = root.kind == Node::Kind::call && root.count == 1 &&
                           program->nodes_[root.inner.near[0]].kind == Node::Kind::attribute;
  return program;
}

}  // namespace linkspan::rules
