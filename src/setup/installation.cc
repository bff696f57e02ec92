#include "setup/installation.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "setup/connectors.h"
#include "setup/credentials.h"
#include "setup/moving.h"
#include "transfer/move.h"
#include "vault/secret.h"

namespace linkspan::setup {

namespace {

WipedText password_in(const std::filesystem::path& file) {
  return file.empty() ? WipedText() : WipedText(vault::read_secret_file(file).reveal());
}

// And leaves no password behind in memory.
std::unique_ptr<store::Store> open_and_wipe(const Wiring& wiring, const std::string& url, StoreOptions options) {
  struct Wipe {
    std::string& text;
    ~Wipe() { ::explicit_bzero(text.data(), text.capacity()); }
  };
  const Wipe wipe{options.password};
  return wiring.open_store(url, options);
}

}  // namespace

Installation::Installation(Wiring wiring, ServerFile file, const Clock& clock, Logger& logger)
    : wiring_(std::move(wiring)), file_(std::move(file)), clock_(clock), logger_(logger) {}

void Installation::use(ServerFile file) {
  store_.reset();
  keys_.reset();
  file_ = std::move(file);
}

StoreOptions Installation::store_options() const {
  StoreOptions options;
  options.password = password_in(file_.database_password_file).view();
  return options;
}

store::Store& Installation::store() {
  if (store_ == nullptr) {
    store_ = open_and_wipe(wiring_, file_.database_url, store_options());
    if (const std::string moved_to = store_->info().moved_to; !moved_to.empty()) settle_move(moved_to);
    if (store_ == nullptr) store_ = open_and_wipe(wiring_, file_.database_url, store_options());
  }
  return *store_;
}

// Whoever comes after a kill between the switch of a move and its end: docs/design/0002-moving.md. What cannot be
// finished now leaves the database refusing, as it was found.
void Installation::settle_move(const std::string& moved_to) {
  try {
    auto destination = file_.database_named ? std::nullopt : noted_destination(file_);
    if (destination && destination->url != moved_to) destination.reset();
    transfer::Place there;
    if (destination) there = {destination->url, password_in(destination->password_file)};
    const bool settled = transfer::settle({file_.database_url, password_in(file_.database_password_file)}, there);
    if (settled) store_.reset();
    if (!destination) return;
    use(pointed_at(file_, *destination));  // also where this user may not write the file
    switch_to(file_);
  } catch (const Error& error) {
    logger_.log(Level::warning, "setup.move_unsettled", "a move could not be finished by this command",
                {{"moved_to", moved_to}, {"error", error.what()}, {"hint", error.hint()}});
  }
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
  store_ = open_and_wipe(wiring_, file_.database_url, std::move(options));
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
              if (one.name == name) return one.naming;
            }
            return connector::Naming{};
          },
          clock_,
          logger_,
          std::move(progress),
          run::LeaseOptions{}};
}

}  // namespace linkspan::setup
