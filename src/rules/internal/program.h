#pragma once
// A checked expression, flattened for evaluation. Immutable.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/names.h"
#include "rules/internal/ast.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/pattern.h"

namespace linkspan::rules {

struct Node {
  enum class Kind : std::uint8_t {
    literal,
    attribute,
    imported,
    parameter,
    variable,
    call,
    concat,
    arithmetic,
    comparison,
    all_of,
    any_of,
    negate,
    iif,
    switch_case,
    select,
    where,
    with,
    error,
    value_count,
    coalesce,
  };
  /// Of what computes: the function, and the children as long as they fit here.
  struct Inner {
    const Function* function;
    std::array<std::uint32_t, 6> near;
  };

  Kind kind = Kind::literal;
  std::uint32_t count = 0;  ///< children
  std::uint32_t slot = 0;   ///< of a variable; of a chain: its first operator
  std::uint32_t first = 0;  ///< more children than fit: indexes_[first .. first + count)
  /// A flow's nodes are fetched anew for each object, so they are kept small.
  union {
    Datum literal;  ///< of literals; text points into texts_; of attributes: number = NameId
    Inner inner;    ///< of all that have children, and of calls
  };
  Node() : literal() {}
};
static_assert(sizeof(Node) == 48);

class Program {
 public:
  /// Checks names, numbers of arguments and types; all problems are reported. nullptr when one is an error.
  [[nodiscard]] static std::unique_ptr<Program> compile(const Expr& expression, model::Names& names,
                                                        ExpressionProblems& problems);

  /// Throws EvaluationFailure.
  [[nodiscard]] Datum run(Evaluation& evaluation) const;

  /// Uses a function that gives another value each time.
  [[nodiscard]] bool unstable() const { return unstable_; }
  /// Adds the attributes that it reads.
  void add_attributes(std::vector<model::NameId>& to) const {
    for (const Node& node : nodes_) {
      if (node.kind == Node::Kind::attribute || node.kind == Node::Kind::imported)
        to.push_back(static_cast<model::NameId>(node.literal.number));
    }
  }
  /// Uses UniqueName().
  [[nodiscard]] bool claims() const { return claims_; }

 private:
  friend class Compiler;
  friend class Runner;
  std::vector<Node> nodes_;  ///< the last one is the root
  std::vector<std::uint32_t> indexes_;
  std::vector<Operator> operators_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<Pattern>> patterns_;
  std::uint32_t slots_ = 0;
  bool on_attribute_ = false;  ///< the root is a function of one attribute: the most frequent flow
  bool unstable_ = false;
  bool claims_ = false;
};

}  // namespace linkspan::rules
