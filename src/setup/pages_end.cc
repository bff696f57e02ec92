// Options, review.

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "run/settings.h"
#include "setup/internal/draft.h"

namespace linkspan::setup {

const std::string& first_of(const Values& values, std::string_view field) {
  static const std::string k_none;
  const auto found = values.find(field);
  return found == values.end() || found->second.empty() ? k_none : found->second.front();
}

std::optional<bool> flag_of(const PageContext& context, const Values& values, std::string_view field) {
  const auto found = values.find(field);
  if (found == values.end() || found->second.empty()) return std::nullopt;
  const std::string& text = found->second.front();
  for (const std::string_view yes : {"true", "yes", "y", "on", "1"}) {
    if (equal_ascii_case(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "n", "off", "0"}) {
    if (equal_ascii_case(text, no)) return false;
  }
  context.refuse(field, Error(Fault::invalid, "setup.flag",
                              fmt::format("{} is true or false, not \"{}\"", field, printable(text, 40))));
  return std::nullopt;
}

void describe_options(const Installation&, const Draft& draft, Step& step) {
  if (draft.mode == Mode::existing) {
    step.intro = "Staging mode is switched on: nothing is exported before you have reviewed it.";
  } else {
    step.fields.push_back({.id = "staging",
                           .label = "Begin in staging mode (import and synchronize, export nothing)",
                           .kind = FieldKind::flag,
                           .standard = "false",
                           .values = {draft.staging ? "true" : "false"}});
  }
  step.fields.push_back({.id = "start",
                         .label = "Start synchronization when done",
                         .kind = FieldKind::flag,
                         .help = "no: the service waits until `linkspan service resume`",
                         .standard = "true",
                         .values = {draft.start ? "true" : "false"}});
  step.fields.push_back({.id = "interval",
                         .label = "Time between cycles",
                         .help = "as in 30m, 2h",
                         .standard = draft.mode == Mode::existing ? "as it was" : std::string(k_standard_interval),
                         .values = draft.interval.empty() ? std::vector<std::string>{} : std::vector{draft.interval}});
  step.fields.push_back({.id = "listen",
                         .label = "Address and port of the service",
                         .help = "for /healthz and the console",
                         .standard = draft.file.listen,
                         .values = {draft.file.listen}});
}

void answer_options(const PageContext& context, const Values& values) {
  Draft& draft = context.draft;
  if (const auto staging = flag_of(context, values, "staging")) {
    if (draft.mode == Mode::existing && !*staging) {
      context.refuse("staging", Error(Fault::invalid, "setup.staging_always",
                                      "staging mode cannot be off after a database was taken over",
                                      "Review with `linkspan pending`, then `linkspan staging off`."));
    } else {
      draft.staging = *staging;
    }
  }
  if (const auto start = flag_of(context, values, "start")) draft.start = *start;
  if (values.contains("interval")) {
    const std::string& text = first_of(values, "interval");
    try {
      if (!text.empty()) run::check_setting(run::k_interval, text);
      draft.interval = text;
    } catch (const Error& error) {
      context.refuse("interval", error);
    }
  }
  if (values.contains("listen")) {
    const std::string& text = first_of(values, "listen");
    try {
      if (!text.empty()) static_cast<void>(parse_listen(text));
      draft.file.listen = text.empty() ? context.installation.file().listen : text;
    } catch (const Error& error) {
      context.refuse("listen", error);
    }
  }
}

void describe_review(const Installation& installation, const Draft& draft, Step& step) {
  step.intro = "What Install does, in this order:";
  try {
    for (const Action& action : make_plan(installation, draft).actions) {
      step.findings.push_back({Mark::note, action.text});
    }
  } catch (const Error& error) {
    step.findings.push_back({Mark::bad, error.what(), error.hint()});
  }
}

void answer_nothing(const PageContext&, const Values&) {}

void check_nothing(const PageContext&) {}

}  // namespace linkspan::setup
