#pragma once
// A foreign document as a tree that knows what was read of it: whatever a reader does not ask for is found again at
// the end, so that nothing is dropped in silence.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/foreign.h"

namespace linkspan::rules {

inline constexpr std::size_t k_largest_foreign_file = std::size_t{32} << 20U;

struct ForeignMark {
  bool read = false;
  Verdict verdict = Verdict::taken;
  std::shared_ptr<const std::string> reason;
};

/// An XML element or a JSON value. Names are without a prefix; they are found whatever their case.
class ForeignElement {
 public:
  struct Attribute {
    std::string name;
    std::string value;
    ForeignMark mark{};
  };

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_list() const { return is_list_; }
  [[nodiscard]] bool has(std::string_view name) const;
  /// Nothing in it: no text, no attribute, no child.
  [[nodiscard]] bool is_empty() const;

  // --- reading: what is asked for counts as taken over ---

  /// The first child of that name, or nullptr. A second one stays unread.
  ForeignElement* child(std::string_view name);
  /// All children of that name; of a JSON list its items.
  std::vector<ForeignElement*> each(std::string_view name);
  /// All items of a JSON list, all children otherwise.
  std::vector<ForeignElement*> all();
  /// The text, trimmed.
  std::string text();
  /// With the blanks at its ends.
  std::string exact_text();
  /// The text of a child; "" when there is none.
  std::string text(std::string_view child);
  std::optional<std::string> attribute(std::string_view name);

  // --- verdicts ---

  void read() { mark_.read = true; }
  /// This element is taken over, with a remark.
  void remark(std::string_view reason);
  /// Remarks on a child, should there be one.
  void remark(std::string_view child, std::string_view reason);
  /// This element and all in it.
  void put(Verdict verdict, std::string_view reason);
  void dismiss(std::string_view reason) { put(Verdict::not_applicable, reason); }
  /// Each child of these names.
  void dismiss(std::initializer_list<std::string_view> children, std::string_view reason);
  void dismiss_attributes(std::initializer_list<std::string_view> names, std::string_view reason);

  /// Visits everything: path ("a/b@c"), verdict, reason. What was not read is not understood.
  template <class Visit>
  void audit(const std::string& parent, Visit visit) const;

 private:
  friend class ForeignXml;
  friend class ForeignJson;
  void put(Verdict verdict, const std::shared_ptr<const std::string>& reason);

  std::string name_;
  std::string text_;
  std::vector<Attribute> attributes_;
  std::vector<ForeignElement> children_;
  ForeignMark mark_;
  bool is_list_ = false;
  bool text_read_ = false;
};

/// The root element. Throws as read_foreign.
[[nodiscard]] ForeignElement parse_foreign_xml(std::string_view bytes, std::string_view file);
/// An element "policy" with the members as children.
[[nodiscard]] ForeignElement parse_foreign_json(std::string_view bytes, std::string_view file);

template <class Visit>
void ForeignElement::audit(const std::string& parent, Visit visit) const {
  static const std::string k_nothing;
  const std::string path = parent.empty() ? name_ : parent + "/" + name_;
  const auto tell = [&](const std::string& where, const ForeignMark& mark) {
    visit(where, mark.read ? mark.verdict : Verdict::not_understood, mark.reason ? *mark.reason : k_nothing);
  };
  tell(path, mark_);
  // Text beside children that a reader only passed through.
  if (mark_.read && mark_.verdict == Verdict::taken && !text_read_ &&
      text_.find_first_not_of(" \t\r\n") != std::string::npos) {
    visit(path + "/text()", Verdict::not_understood, k_nothing);
  }
  for (const Attribute& attribute : attributes_) tell(path + "@" + attribute.name, attribute.mark);
  for (const ForeignElement& child : children_) child.audit(path, visit);
}

}  // namespace linkspan::rules
