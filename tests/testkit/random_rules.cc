#include <testkit/random_rules.h>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

namespace linkspan::testkit {
namespace {

class Cup {
 public:
  explicit Cup(const Dice& dice) : dice_(dice) {}
  int roll(int sides) {
    const int die = at_ < dice_.size() ? std::abs(dice_[at_] % 1000) : 0;
    ++at_;
    return die % sides;
  }
  std::string_view pick(std::span<const std::string_view> from) {
    return from[static_cast<std::size_t>(roll(static_cast<int>(from.size())))];
  }

 private:
  const Dice& dice_;
  std::size_t at_ = 0;
};

constexpr std::array<std::string_view, 3> k_links{"provision", "join", "sticky_join"};
constexpr std::array<std::string_view, 10> k_scopes{"",
                                                    R"(["kind NOTEQUAL system"])",
                                                    R"(["mail ISNOTNULL"], ["title STARTSWITH h"])",
                                                    R"(["title ISNOTNULL", "kind NOTEQUAL disabled"])",
                                                    R"(["phone ISIN 1"])",
                                                    R"(["phone ISNOTIN 3", "number LESSTHAN 3"])",
                                                    R"(["manager ISNOTNULL"])",
                                                    R"(["manager ISMEMBEROF uid=p1,ou=people,dc=corp"])",
                                                    R"(["manager NOTCONTAINS moved"])",
                                                    R"(["title ENDSWITH 2"], ["title ISNULL"], ["number ISBITSET 1"])"};
constexpr std::array<std::string_view, 5> k_joins{
    R"(["number = number"])", R"(["number = number case"])", R"(["mail = mail"], ["number = number"])",
    R"(["number = number", "mail = mail"], ["title = title"])", R"(["phone = phone"], ["number = number"])"};
constexpr std::array<std::string_view, 3> k_merges{"update", "merge", "merge_case_insensitive"};
constexpr std::array<std::string_view, 11> k_flows{
    "title = \"[title]\"",
    "title = 'IIF([title] = \"H1\", IgnoreThisFlow, [title])'",
    "title = 'IIF([title] = \"H2\", AuthoritativeNull, [title])'",
    "title = { source = \"title\", once = true }",
    "title = 'IIF([title] = \"T2\", Error(\"no\"), [title])'",
    "manager = \"[manager]\"",
    "manager = { source = \"manager\", once = true }",
    "office = 'DNComponent(Item([manager], 1), 1)'",
    "office = 'IIF(IsPresent([manager]), DNComponent(Item([manager], 1), 2), NULL)'",
    "department = 'UCase([department])'",
    "department = { constant = \"all\" }"};

/// Flows to different attributes, from two of the list on; phone in the way all agree on.
std::string flows(Cup& cup, std::string_view merge) {
  std::string out;
  std::string taken = " ";
  for (int i = cup.roll(4); i >= 0; --i) {
    const std::string_view flow = cup.pick(k_flows);
    const std::string target = " " + std::string(flow.substr(0, flow.find(' '))) + " ";
    if (taken.find(target) != std::string::npos) continue;
    taken += target.substr(1);
    out += std::string(flow) + "\n";
  }
  if (cup.roll(2) == 1) out += fmt::format("phone = {{ source = \"phone\", merge = \"{}\" }}\n", merge);
  return out;
}

std::string inbound(Cup& cup, std::string_view name, std::string_view connector, std::string_view link, int precedence,
                    std::string_view join, std::string_view merge, std::string_view more) {
  const std::string_view scope = cup.pick(k_scopes);
  return fmt::format(
      "[[rule]]\nname = \"{}\"\ndirection = \"inbound\"\nconnector = \"{}\"\nsource = \"person\"\ntarget = \"person\"\n"
      "link = \"{}\"\nprecedence = {}\n{}{}{}[rule.flows]\n{}{}\n",
      name, connector, link, precedence, scope.empty() ? "" : fmt::format("scope = [{}]\n", scope),
      join.empty() ? "" : fmt::format("join = [{}]\n", join), cup.roll(8) == 7 ? "disabled = true\n" : "", more,
      flows(cup, merge));
}

std::string outbound(Cup& cup) {
  constexpr std::array<std::string_view, 5> scopes{"", R"(["mail ISNOTNULL"])", R"(["title NOTEQUAL h3"])",
                                                   R"(["anchor ISNOTNULL", "phone ISNOTIN 4"])",
                                                   R"(["office ISNULL"], ["manager ISNOTNULL"])"};
  constexpr std::array<std::string_view, 4> titles{"\"[title]\"", "{ source = \"title\", once = true }",
                                                   "'IIF([title] = \"T1\", IgnoreThisFlow, [title])'",
                                                   "'IIF([title] = \"T3\", Error(\"no\"), [title])'"};
  const auto scope = [&] {
    const std::string_view one = cup.pick(scopes);
    return one.empty() ? std::string() : fmt::format("scope = [{}]\n", one);
  };
  std::string text = fmt::format(
      "[[rule]]\nname = \"Out: user\"\ndirection = \"outbound\"\nconnector = \"cloud\"\nsource = \"person\"\n"
      "target = \"User\"\nlink = \"{}\"\nprecedence = 200\n{}join = [[\"externalId = anchor\"], [\"userName = "
      "mail\"]]\n",
      cup.roll(4) == 3 ? "join" : "provision", scope());
  text += fmt::format(
      "[rule.flows]\nexternalId = \"[anchor]\"\nuserName = \"[mail]\"\ndisplayName = \"[displayName]\"\ntitle = {}\n\n",
      cup.pick(titles));
  text += fmt::format(
      "[[rule]]\nname = \"Out: more\"\ndirection = \"outbound\"\nconnector = \"cloud\"\nsource = \"person\"\n"
      "target = \"User\"\nlink = \"join\"\nprecedence = 210\n{}{}[rule.flows]\ndepartment = \"[department]\"\n"
      "phones = \"[phone]\"\noffice = \"[office]\"\nmanager = \"[manager]\"\n",
      scope(), cup.roll(8) == 7 ? "disabled = true\n" : "");
  return text;
}

constexpr std::string_view k_groups = R"toml(
[[rule]]
name       = "In: group"
direction  = "inbound"
connector  = "corp"
source     = "group"
target     = "group"
link       = "provision"
precedence = 500
join       = [["uid = anchor"]]
[rule.flows]
anchor      = "[uid]"
displayName = "[cn]"
member      = "[member]"

[[rule]]
name       = "Out: group"
direction  = "outbound"
connector  = "cloud"
source     = "group"
target     = "Group"
link       = "provision"
precedence = 510
join       = [["externalId = anchor"]]
[rule.flows]
externalId  = "[anchor]"
displayName = "[displayName]"
members     = "[member]"
)toml";

}  // namespace

std::string random_rules(const Dice& dice) {
  Cup cup(dice);
  const std::string_view merge = cup.pick(k_merges);
  std::string text(k_groups);
  text += inbound(cup, "In: person", "corp", "provision", 100, cup.pick(k_joins), merge,
                  "number = \"[number]\"\nanchor = \"[uid]\"\ndisplayName = \"[cn]\"\nmail = \"LCase([mail])\"\n");
  text +=
      inbound(cup, "In: record", "hr", cup.pick(k_links), cup.roll(2) == 1 ? 50 : 100, cup.pick(k_joins), merge, "");
  for (int i = cup.roll(3); i > 0; --i) {
    text += inbound(cup, fmt::format("In: person {}", i), "corp", cup.pick(k_links), 60 + i * 80, "", merge, "");
    text += inbound(cup, fmt::format("In: record {}", i), "hr", cup.pick(k_links), 65 + i * 80, "", merge, "");
  }
  return text + outbound(cup);
}

}  // namespace linkspan::testkit
