#include "setup/installation.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "setup/connectors.h"
#include "setup/credentials.h"
#include "vault/secret.h"

namespace linkspan::setup {

Installation::Installation(Wiring wiring, ServerFile file, const Clock& clock, Logger& logger)
    : wiring_(std::move(wiring)), file_(std::move(file)), clock_(clock), logger_(logger) {}

void Installation::use(ServerFile file) {
  store_.reset();
  keys_.reset();
  file_ = std::move(file);
}

StoreOptions Installation::store_options() const {
  StoreOptions options;
  if (!file_.database_password_file.empty()) {
    options.password = vault::read_secret_file(file_.database_password_file).reveal();
  }
  return options;
}

store::Store& Installation::store() {
  if (store_ == nullptr) store_ = wiring_.open_store(file_.database_url, store_options());
  return *store_;
}

store::Store& Installation::create_store() {
  namespace fs = std::filesystem;
  std::error_code problem;
  if (!fs::exists(file_.state_dir, problem)) {
    fs::create_directories(file_.state_dir, problem);
    if (!problem) fs::permissions(file_.state_dir, fs::perms::owner_all, problem);
    if (problem) {
      throw Error(Fault::denied, "setup.state_dir",
                  fmt::format("cannot make the state directory {}: {}", file_.state_dir.string(), problem.message()),
                  "Make it by hand and give it to the service's user, or name another with --state-dir.");
    }
  }
  StoreOptions options = store_options();
  options.create = true;
  store_.reset();
  store_ = wiring_.open_store(file_.database_url, options);
  return *store_;
}

const vault::KeySet& Installation::keys() {
  if (!keys_) keys_ = vault::KeySet::load(file_.key_set);
  return *keys_;
}

bool Installation::has_key_file() const {
  std::error_code ignored;
  return std::filesystem::exists(file_.key_set, ignored);
}

const connector::Kind& Installation::kind(std::string_view name) const {
  std::string known;
  std::vector<std::string> names;
  for (const connector::Kind& kind : wiring_.kinds) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
    known += (known.empty() ? "" : ", ") + kind.name;
  }
  throw Error(Fault::invalid, "setup.no_kind", fmt::format("there is no kind of connector {}", printable(name, 40)),
              fmt::format("There are: {}.", known));
}

std::unique_ptr<connector::Connector> Installation::open(const store::ConnectorRow& row) {
  return kind(row.kind).make(adapter_settings(row), open_credentials(*this, row), logger_);
}

store::ConnectorRow Installation::connector(std::string_view name) {
  std::vector<std::string> names;
  for (store::ConnectorRow& row : store().configuration().connectors()) {
    if (row.name == name) return std::move(row);
    names.push_back(row.name);
  }
  const auto meant = nearest(name, names);
  throw Error(Fault::not_found, "run.no_connector", fmt::format("there is no connector {}", printable(name, 80)),
              meant ? fmt::format("Is {} meant? `linkspan connector list` names all.", *meant)
                    : "`linkspan connector list` names all; `linkspan connector add` makes one.");
}

run::Environment Installation::environment(ProgressSink progress) {
  return {store(),
          [this](const store::ConnectorRow& row) { return open(row); },
          [this](std::string_view name) {
            for (const connector::Kind& one : wiring_.kinds) {
              if (one.name == name) return one.references_by_anchor;
            }
            return false;
          },
          clock_,
          logger_,
          std::move(progress),
          run::LeaseOptions{}};
}

}  // namespace linkspan::setup
