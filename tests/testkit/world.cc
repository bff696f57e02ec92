#include <testkit/world.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "base/text.h"
#include "rules/rule.h"
#include "store_sql/store_sql.h"
#include "sync/outbound.h"

namespace linkspan::testkit {
namespace {

std::string print(const model::Image& image, const model::Names& names) {
  std::map<std::string, std::string> sorted;
  for (const model::ImageAttribute& attribute : image.attributes()) {
    std::vector<std::string> values;
    for (const model::Value& value : attribute.values) values.push_back(model::to_text(value));
    sorted[names.name(attribute.name)] =
        attribute.references.empty() ? fmt::format("{}", fmt::join(values, "|")) : "(references)";
  }
  std::string text;
  for (const auto& [name, value] : sorted) text += fmt::format(" {}=[{}]", name, value);
  return text;
}

}  // namespace

World::World(std::string_view rules, std::vector<DirectorySpec> directories) : specs_(std::move(directories)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "linkspan-world-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  open();
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    directories_.push_back(std::make_unique<connector::FakeDirectory>(specs_[i].options));
    store::ConnectorRow row;
    row.name = specs_[i].name;
    row.kind = specs_[i].kind;
    row.settings = "{}";
    row.position = static_cast<std::int64_t>(i);
    store_->configuration().put_connector(row);
  }
  set_rules(rules);
}

World::~World() {
  store_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void World::open() {
  store_sql::OpenOptions options;
  options.create = true;
  options.clock = &clock_;
  store_ = store_sql::open_store("sqlite://" + folder_ + "/state.db", options);
  const auto lease = store_->operations().acquire("test", std::chrono::hours(100000));
  if (!lease) throw std::runtime_error("no lease");
  lease_ = *lease;
  store_->use_lease(lease_);
  store_->refresh_names();
}

void World::reopen() {
  store_->operations().release(lease_);
  store_.reset();
  open();
  load();
}

void World::load() {
  configuration_ = sync::load_configuration(*store_, [&](std::string_view kind) {
    const auto found = std::find_if(specs_.begin(), specs_.end(), [&](const auto& spec) { return spec.kind == kind; });
    const bool by_anchor = found != specs_.end() && found->options.references_by_anchor;
    return connector::Naming{.references_by_anchor = by_anchor,
                             .objects_by_dn = !by_anchor || found->objects_by_dn_too};
  });
}

void World::set_rules(std::string_view rules) {
  std::vector<rules::Problem> problems;
  std::vector<store::RuleRow> rows;
  for (const rules::Rule& rule : rules::parse_rules(rules, "test.toml", problems)) {
    rows.push_back({{}, rule.name, rules::print_rule(rule)});
  }
  for (const rules::Problem& problem : problems) {
    if (problem.severity == rules::Problem::Severity::error) {
      throw std::runtime_error(
          fmt::format("{}:{}: {}", problem.position.line, problem.position.column, problem.message));
    }
  }
  store_->configuration().put_rules(rows);
  load();
}

void World::set(std::string_view name, std::string_view value) {
  const std::vector<std::pair<std::string, std::string>> values{{std::string(name), std::string(value)}};
  store_->configuration().put_settings(values);
}

connector::FakeDirectory& World::directory(std::string_view name) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].name == name) return *directories_[i];
  }
  throw std::runtime_error("no such directory");
}

std::unique_ptr<connector::Connector> World::connect(std::string_view name) {
  for (const DirectorySpec& spec : specs_) {
    if (spec.name == name && spec.connect) return spec.connect();
  }
  return directory(name).connect();
}

const sync::ConnectorInfo& World::info(std::string_view name) {
  for (const sync::ConnectorInfo& one : configuration_.connectors) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no such connector");
}

sync::Context World::context() {
  return {*store_, *configuration_.rules, configuration_.connectors, lease_, clock_, logger_, {}, {}};
}

sync::ImportResult World::import(std::string_view name, bool full) {
  const auto connected = connect(name);
  return sync::import_connector(context(), info(name), *connected, full);
}

sync::SyncResult World::synchronize(bool full) { return sync::synchronize(context(), full); }

sync::ExportResult World::send(std::string_view name, std::optional<std::string> approved,
                               std::optional<Time> read_at) {
  const auto connected = connect(name);
  return sync::export_connector(context(), info(name), *connected, {std::move(approved), read_at});
}

sync::ChangeSet World::change_set(std::string_view name) {
  const auto connected = connect(name);
  return sync::summarize(context(), info(name), connected->capabilities().correlation_attribute);
}

void World::cycle(bool full) {
  for (const DirectorySpec& spec : specs_) import(spec.name, full);
  synchronize(full);
  for (const DirectorySpec& spec : specs_) {
    if (!configuration_.rules->has_outbound(spec.name)) continue;
    send(spec.name);
    import(spec.name);
  }
}

std::string World::correlation_of(store::ConnectorId connector, const model::Image& image) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (configuration_.connectors[i].id != connector) continue;
    const auto name = store_->names().find(specs_[i].options.correlation_attribute);
    const model::ImageAttribute* attribute = name ? image.find(*name) : nullptr;
    if (attribute != nullptr && !attribute->values.empty()) return model::to_text(attribute->values.front());
  }
  return {};
}

std::string World::state() {
  const model::Names& names = store_->names();
  const auto view = store_->view();
  std::map<std::int64_t, std::string> called;
  std::map<std::int64_t, std::string> references;
  std::vector<store::ObjectWithImages> objects;
  for (store::Page at{0, 1000};;) {
    auto page = view->scan_objects({}, 0, store::all_images, at);
    if (page.empty()) break;
    at.after = page.back().object.id.value;
    std::move(page.begin(), page.end(), std::back_inserter(objects));
  }
  std::vector<store::ObjectId> ids;
  for (const auto& one : objects) {
    const model::Image image = model::decode(one.images.observed.empty() ? one.images.desired : one.images.observed);
    std::string own = correlation_of(one.object.connector, image);
    if (own.empty()) own = one.object.anchor.empty() ? sync::display_name(image, names) : one.object.anchor;
    called[one.object.id.value] = own.empty() ? one.object.dn : own;
    ids.push_back(one.object.id);
  }
  std::map<std::int64_t, std::vector<std::string>> rows;
  for (const store::Reference& row : view->references_of(ids, false)) {
    rows[row.object.value].push_back(
        fmt::format("{}>{}:{}", names.name(row.attribute), called[row.target.value], row.bits));
  }
  std::map<std::int64_t, std::string> identities;
  for (store::Page at{0, 1000};;) {
    const auto page = view->scan_metaverse(false, at);
    if (page.empty()) break;
    at.after = page.back().id.value;
    for (const store::Metaverse& one : page) {
      identities[one.id.value] = fmt::format("{}{}", names.name(one.type), print(model::decode(one.image), names));
    }
  }
  std::vector<std::string> lines;
  for (const auto& one : objects) {
    std::sort(rows[one.object.id.value].begin(), rows[one.object.id.value].end());
    const store::Object& object = one.object;
    lines.push_back(fmt::format(
        "{} {} type={} state={} desired={} pending={}{} touched={} observed:{} desired:{} sent:{} refs:{} identity:{}",
        object.connector.value, called[object.id.value], object.type == 0 ? "" : names.name(object.type),
        static_cast<int>(object.state), static_cast<int>(object.desired), static_cast<int>(object.pending),
        object.pending_references ? "+refs" : "", object.touched, print(model::decode(one.images.observed), names),
        print(model::decode(one.images.desired), names), print(model::decode(one.images.sent), names),
        fmt::join(rows[object.id.value], ","), identities[object.metaverse.value]));
  }
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string World::rows() {
  const auto view = store_->view();
  std::string out;
  std::vector<store::ObjectId> ids;
  for (store::Page at{0, 1000};;) {
    const auto page = view->scan_objects({}, 0, store::all_images, at);
    if (page.empty()) break;
    at.after = page.back().object.id.value;
    for (const auto& one : page) {
      const store::Object& o = one.object;
      ids.push_back(o.id);
      out += fmt::format(
          "object {} {} {} {} {} state={} mv={} rule={} desired={} pending={}/{} touched={} {} {} {} {}\n", o.id.value,
          o.connector.value, o.anchor, o.dn, o.type, static_cast<int>(o.state), o.metaverse.value, o.link_rule.value,
          static_cast<int>(o.desired), static_cast<int>(o.pending), o.pending_references, o.touched,
          to_hex(one.images.observed), to_hex(one.images.desired), to_hex(one.images.sent), to_hex(one.images.shadow));
    }
  }
  for (const store::Reference& row : view->references_of(ids, false)) {
    out += fmt::format("reference {} {} {} {}\n", row.object.value, row.attribute, row.target.value, row.bits);
  }
  for (store::Page at{0, 1000};;) {
    const auto page = view->scan_metaverse(false, at);
    if (page.empty()) return out;
    at.after = page.back().id.value;
    for (const store::Metaverse& one : page) {
      out += fmt::format("metaverse {} {} touched={} {} {}\n", one.id.value, one.type, one.touched, to_hex(one.image),
                         to_hex(one.lineage));
    }
  }
}

std::vector<std::string> World::pending(std::string_view name) {
  std::vector<std::string> lines;
  const auto connected = connect(name);
  sync::each_pending(
      context(), info(name), connected->capabilities().correlation_attribute, [&](const sync::PendingExport& one) {
        std::string line = fmt::format("{} {}", model::name_of(one.change.operation), one.name);
        for (const model::AttributeChange& change : one.change.attributes) {
          std::vector<std::string> after;
          for (const model::Value& value : change.after) after.push_back(model::to_text(value));
          line += fmt::format(" {}=[{}]", change.name, fmt::join(after, "|"));
        }
        for (const model::ReferenceChange& reference : one.change.references) {
          line += fmt::format(" {}{}>{}", reference.add ? "+" : "-", reference.attribute, reference.target);
        }
        if (!one.withheld.empty()) line += fmt::format(" withheld={}", one.withheld.size());
        lines.push_back(std::move(line));
        return true;
      });
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace linkspan::testkit
