// object: what is known of one object, in connector spaces and in the metaverse, with lineage.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "model/dn.h"
#include "model/image.h"

namespace linkspan::cli {
namespace {

constexpr std::size_t k_most_values = 200;

std::string_view state_text(store::ObjectState state) {
  switch (state) {
    case store::ObjectState::placeholder:
      return "placeholder";
    case store::ObjectState::disconnector:
      return "disconnector";
    case store::ObjectState::explicit_disconnector:
      return "explicit-disconnector";
    case store::ObjectState::filtered:
      return "filtered";
    case store::ObjectState::joined:
      break;
  }
  return "joined";
}

/// Connector and rule names by id.
struct Lookup {
  explicit Lookup(store::Store& store) : names(store.names()) {
    for (const auto& row : store.configuration().connectors()) connectors[row.id.value] = row.name;
    for (const auto& row : store.configuration().rules()) rules[row.id.value] = row.name;
  }
  [[nodiscard]] std::string connector(store::ConnectorId id) const {
    const auto found = connectors.find(id.value);
    return found == connectors.end() ? fmt::format("connector {}", id.value) : found->second;
  }
  [[nodiscard]] std::string rule(store::RuleId id) const {
    const auto found = rules.find(id.value);
    return found == rules.end() ? fmt::format("rule {}, since removed", id.value) : found->second;
  }
  [[nodiscard]] std::string name(store::NameId id) const { return id == 0 ? std::string() : names.name(id); }

  model::Names& names;
  std::map<std::int64_t, std::string> connectors;
  std::map<std::int64_t, std::string> rules;
};

std::vector<std::string> values_of(const model::ImageAttribute& attribute) {
  std::vector<std::string> out;
  for (const model::Value& value : attribute.values) {
    if (out.size() == k_most_values) break;
    out.push_back(model::to_text(value));
  }
  for (const model::ReferenceSource& source : attribute.references) {
    out.push_back(source.count > 0 ? fmt::format("({} references)", source.count) : std::string("(references)"));
  }
  return out;
}

Json image_json(const Lookup& lookup, const std::string& bytes) {
  if (bytes.empty()) return {};
  Json out = Json::object();
  const model::Image image = model::decode(bytes);
  for (const model::ImageAttribute& one : image.attributes()) out.set(lookup.name(one.name), values_of(one));
  return out;
}

void print_image(Output& out, const Lookup& lookup, std::string_view title, const std::string& bytes) {
  if (bytes.empty()) return;
  out.line(fmt::format("  {}", title));
  const model::Image image = model::decode(bytes);
  for (const model::ImageAttribute& one : image.attributes()) {
    for (const std::string& value : values_of(one)) {
      out.line(fmt::format("    {}: {}", printable(lookup.name(one.name)), printable(value)));
    }
  }
}

Json summary_json(const Lookup& lookup, const store::Object& object) {
  return Json::object({{"connector", lookup.connector(object.connector)},
                       {"id", object.id.value},
                       {"type", lookup.name(object.type)},
                       {"name", object.dn},
                       {"anchor", object.anchor.empty() ? Json() : Json(object.anchor)},
                       {"state", state_text(object.state)},
                       {"metaverse", object.metaverse ? Json(object.metaverse.value) : Json()},
                       {"link_rule", object.link_rule ? Json(lookup.rule(object.link_rule)) : Json()},
                       {"pending", model::name_of(object.pending)},
                       {"pending_references", object.pending_references}});
}

Json object_json(const Lookup& lookup, const store::ObjectWithImages& one,
                 const std::vector<store::ObjectError>& errors) {
  Json out = summary_json(lookup, one.object);
  out.set("observed", image_json(lookup, one.images.observed));
  out.set("desired", image_json(lookup, one.images.desired));
  out.set("sent", image_json(lookup, one.images.sent));
  Json list = Json::list();
  for (const store::ObjectError& error : errors) {
    if (error.object != one.object.id) continue;
    list.push(Json::object({{"stage", error.stage},
                            {"error", error.error},
                            {"message", error.message},
                            {"first_at", time_json(error.first_at)},
                            {"last_at", time_json(error.last_at)},
                            {"count", error.count},
                            {"retry_at", time_json(error.retry_at)},
                            {"quarantined", error.quarantined}}));
  }
  out.set("errors", std::move(list));
  return out;
}

void print_object(Output& out, const Lookup& lookup, const store::ObjectWithImages& one,
                  const std::vector<store::ObjectError>& errors) {
  const store::Object& object = one.object;
  out.line(fmt::format("{} {} in {}: {}", lookup.name(object.type),
                       printable(object.dn.empty() ? object.anchor : object.dn), lookup.connector(object.connector),
                       state_text(object.state)));
  if (!object.anchor.empty()) out.line("  anchor " + printable(object.anchor));
  if (object.metaverse) {
    out.line(fmt::format("  joined to metaverse object {}{}", object.metaverse.value,
                         object.link_rule ? " by " + lookup.rule(object.link_rule) : std::string()));
  }
  if (object.pending != store::Operation::none || object.pending_references) {
    out.line(fmt::format("  pending: {}{}", model::name_of(object.pending),
                         object.pending_references ? ", references" : ""));
  }
  print_image(out, lookup, "observed", one.images.observed);
  print_image(out, lookup, "desired", one.images.desired);
  print_image(out, lookup, "sent, not confirmed yet", one.images.sent);
  for (const store::ObjectError& error : errors) {
    if (error.object != object.id) continue;
    out.line(fmt::format("  {} ({}, {} times, last {}): {}", error.error, error.stage, error.count,
                         time_text(error.last_at), printable(error.message, 500)));
  }
}

Json metaverse_json(const Lookup& lookup, const store::Metaverse& one) {
  Json lineage = Json::list();
  for (const model::Contribution& part : model::decode_lineage(one.lineage)) {
    lineage.push(Json::object(
        {{"attribute", lookup.name(part.attribute)}, {"rule", lookup.rule(part.rule)}, {"object", part.object.value}}));
  }
  return Json::object({{"id", one.id.value},
                       {"type", lookup.name(one.type)},
                       {"attributes", image_json(lookup, one.image)},
                       {"lineage", std::move(lineage)}});
}

void print_metaverse(Output& out, const Lookup& lookup, const store::Metaverse& one,
                     const std::vector<store::ObjectWithImages>& joined) {
  out.line(fmt::format("Metaverse object {}, {}", one.id.value, lookup.name(one.type)));
  std::map<store::NameId, std::string> by;
  for (const model::Contribution& part : model::decode_lineage(one.lineage)) {
    std::string where = lookup.rule(part.rule);
    for (const auto& object : joined) {
      if (object.object.id == part.object) where += " from " + lookup.connector(object.object.connector);
    }
    by[part.attribute] += (by[part.attribute].empty() ? "" : "; ") + where;
  }
  const model::Image image = model::decode(one.image);
  for (const model::ImageAttribute& attribute : image.attributes()) {
    for (const std::string& value : values_of(attribute)) {
      out.line(
          fmt::format("  {}: {}  [{}]", printable(lookup.name(attribute.name)), printable(value), by[attribute.name]));
    }
  }
}

/// The object and everything joined to the same identity.
int show_identity(Session& session, store::MetaverseId id, std::vector<store::ObjectWithImages> objects) {
  store::Store& store = session.store();
  const Lookup lookup(store);
  const auto view = store.view();
  std::vector<store::Metaverse> identity;
  if (id) {
    identity = view->load_metaverse({&id, 1});
    objects = view->joined_to({&id, 1}, store::all_images);
  }
  std::vector<store::ObjectId> ids;
  for (const auto& one : objects) ids.push_back(one.object.id);
  const auto errors = store.summary()->errors_of(ids);
  if (session.json()) {
    Json list = Json::list();
    for (const auto& one : objects) list.push(object_json(lookup, one, errors));
    session.out().print(
        Json::object({{"metaverse", identity.empty() ? Json() : metaverse_json(lookup, identity.front())},
                      {"objects", std::move(list)}}));
    return exit_done;
  }
  if (!identity.empty()) print_metaverse(session.out(), lookup, identity.front(), objects);
  for (const auto& one : objects) print_object(session.out(), lookup, one, errors);
  return exit_done;
}

int show_object(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.text("OBJECT");
  if (arguments.text("WHERE") == "metaverse") {
    const auto id = to_integer(name);
    const store::MetaverseId wanted{id.value_or(0)};
    if (!wanted || session.store().view()->load_metaverse({&wanted, 1}).empty()) {
      throw Error(Fault::not_found, "cli.no_object", fmt::format("there is no metaverse object {}", printable(name)),
                  "`linkspan object search TEXT` finds its number.");
    }
    return show_identity(session, wanted, {});
  }
  const store::ConnectorRow row = session.installation().connector(arguments.text("WHERE"));
  const auto view = session.store().view();
  const std::vector<std::string> anchors{name};
  const std::vector<std::string> keys{model::dn_key(name)};
  auto found = view->find_objects(row.id, anchors, keys);
  if (found.empty()) {
    for (store::Object& one : session.store().summary()->search_objects(row.id, name, 20)) {
      if (one.dn == name) found.push_back(std::move(one));
    }
  }
  if (found.empty()) {
    throw Error(Fault::not_found, "cli.no_object", fmt::format("{} holds no object {}", row.name, printable(name)),
                "`linkspan object search TEXT` finds objects by a part of their name.");
  }
  const store::ObjectId id = found.front().id;
  return show_identity(session, found.front().metaverse, view->load_objects({&id, 1}, store::all_images));
}

int search(Session& session, const Arguments& arguments) {
  constexpr std::size_t k_limit = 50;
  store::Store& store = session.store();
  const Lookup lookup(store);
  const auto connector = arguments.get("--connector");
  const store::ConnectorId where = connector ? session.installation().connector(*connector).id : store::ConnectorId{};
  const auto summary = store.summary();
  const auto objects = summary->search_objects(where, arguments.text("TEXT"), k_limit);
  const auto identities =
      connector ? std::vector<store::Metaverse>{} : summary->search_metaverse(arguments.text("TEXT"), k_limit);
  if (session.json()) {
    Json list = Json::list();
    for (const store::Object& one : objects) list.push(summary_json(lookup, one));
    Json people = Json::list();
    for (const store::Metaverse& one : identities) people.push(metaverse_json(lookup, one));
    session.out().print(Json::object({{"objects", std::move(list)}, {"metaverse", std::move(people)}}));
    return exit_done;
  }
  Table table({"Where", "Type", "Name", "State", "Metaverse"});
  for (const store::Object& one : objects) {
    table.add({lookup.connector(one.connector), lookup.name(one.type), printable(one.dn.empty() ? one.anchor : one.dn),
               std::string(state_text(one.state)), one.metaverse ? std::to_string(one.metaverse.value) : ""});
  }
  for (const store::Metaverse& one : identities) {
    table.add({"metaverse", lookup.name(one.type), std::to_string(one.id.value), "", std::to_string(one.id.value)});
  }
  if (table.empty()) {
    session.out().line("Nothing found.");
  } else {
    session.out().print(table);
  }
  if (objects.size() == k_limit || identities.size() == k_limit)
    session.out().note("There may be more: say more of the name.");
  return exit_done;
}

}  // namespace

Commands object_commands() {
  return {
      {"object show",
       "All that is known of an object, of its identity, and of everything joined to it, with lineage",
       {{"WHERE", "A connector, or metaverse", true, false, {}},
        {"OBJECT", "A DN or anchor; a number in the metaverse", true, false, {}}},
       show_object},
      {"object search",
       "Find objects by anchor, name, join attribute, or a part of the DN",
       {{"TEXT", "What to look for", true, false, {}}, {"--connector CONNECTOR", "Only there"}},
       search},
  };
}

}  // namespace linkspan::cli
