#include "rules/internal/pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rules/internal/datum.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

re2::RE2::Options options() {
  re2::RE2::Options made;
  made.set_log_errors(false);
  made.set_max_mem(1 << 20);
  return made;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct Pattern::State {
  explicit State(std::string_view text) : re(piece(text), options()) {}
  re2::RE2 re;
};

Pattern::Pattern(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pattern::~Pattern() = default;

std::unique_ptr<Pattern> Pattern::compile(std::string_view text, std::string& why) {
  auto state = std::make_unique<State>(text);
  if (!state->re.ok()) {
    why = state->re.error();
    return nullptr;
  }
  return std::unique_ptr<Pattern>(new Pattern(std::move(state)));
}

bool Pattern::found_in(std::string_view text) const { return re2::RE2::PartialMatch(piece(text), state_->re); }

std::optional<std::string> Pattern::refuses(std::string_view replacement) const {
  std::string why;
  if (state_->re.CheckRewriteString(piece(replacement), &why)) return std::nullopt;
  return why;
}

std::string Pattern::replaced(std::string_view text, std::string_view replacement) const {
  // RE2's own GlobalReplace knows no bounds, neither for the result nor for searches that each run to the end.
  constexpr std::size_t k_longest = 16UL * 1024 * 1024;
  constexpr std::size_t k_most_searched = 64UL * 1024 * 1024;
  std::array<re2::StringPiece, 10> groups;
  const int count = 1 + re2::RE2::MaxSubmatch(piece(replacement));
  std::string out;
  std::size_t at = 0;
  std::size_t searched = 0;
  std::size_t last_end = std::string_view::npos;
  while (at <= text.size()) {
    searched += text.size() - at;
    if (searched > k_most_searched || out.size() > k_longest) throw EvaluationFailure{"the text is too long for this"};
    if (!state_->re.Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, groups.data(), count)) break;
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    out.append(text, at, begin - at);
    at = begin;
    // Nothing, found right behind the last match or again at the same place, is no further match.
    if (groups[0].empty() && begin == last_end) {
      const std::size_t width = std::max<std::size_t>(1, prefix_bytes(text.substr(at), 1));
      out.append(text.substr(at, width));
      at += width;
      continue;
    }
    state_->re.Rewrite(&out, piece(replacement), groups.data(), count);
    at = begin + groups[0].size();
    last_end = at;
  }
  if (at < text.size()) out.append(text.substr(at));
  return out;
}

}  // namespace linkspan::rules
