#pragma once
// Full and delta imports: delta queries from their beginning, and from where the last ones ended.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "connector/connector.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// Where the delta query of each type goes on. Opaque to everybody else.
struct Watermark {
  Time made{};                            ///< Graph forgets after seven days
  std::map<std::string, std::string> at;  ///< type -> path below the service root
};

/// `fingerprint` stands for all that the links depend on.
[[nodiscard]] std::string to_text(const Watermark& watermark, const std::string& fingerprint);
/// Throws Fault::invalid "connector.watermark_refused" for what is none, is another selection's, or is too old.
[[nodiscard]] Watermark parse_watermark(std::string_view text, const std::string& fingerprint, Time now);

/// Not thread-safe. A full import shows each object once, but for what changes while it reads. A delta tells what the
/// engine holds in part, where the delta query says all of the change, and reads the rest whole. Memory: the ids of
/// what was shown, of one type, and the largest group (full) or what the delta says of groups (delta).
class GraphImport final : public connector::Import {
 public:
  using Held = decltype(connector::ImportRequest::held);

  /// `since` nullopt = full. `held` as in ImportRequest.
  GraphImport(Tenant& tenant, std::optional<Watermark> since, Held held, std::stop_token stop);

  bool next(std::vector<model::Observation>& batch) override;
  connector::ImportEnd end() override;

 private:
  [[nodiscard]] bool read_more();
  [[nodiscard]] Page fetch(const ObjectType& type);
  void open_type(const ObjectType& type);
  void finish_type(const ObjectType& type);
  void take(const ObjectType& type, Item item);
  void take_first_showing(const ObjectType& type, Item item);
  void remember(Item item);
  void close_open_group();
  void tell_changed(const ObjectType& type, bool all);
  void tell_parts(const ObjectType& type, std::vector<Item>& some);
  void show(model::Entry entry);
  void show_gone(const ObjectType& type, const std::string& id);

  Tenant& tenant_;
  const std::optional<Watermark> since_;
  const Held held_;
  const std::stop_token stop_;
  const std::vector<ObjectType>& types_;
  Watermark ends_;

  std::size_t type_ = 0;
  std::string path_;  ///< of the next page; empty = the type is not begun
  bool is_last_page_ = false;
  bool is_settled_ = true;                ///< all that changed in this type could be read
  std::unordered_set<std::string> seen_;  ///< of this type: shown (full), or told of in any way (delta)
  std::map<std::string, Item> changed_;   ///< to be told in part or read whole, with what was said of it
  std::optional<Item> open_group_;        ///< its members may go on in the next element
  std::deque<model::Observation> ready_;
  Reader reader_;
  bool has_ended_ = false;
};

/// What a watermark depends on beside the time: the types and what is read of them.
[[nodiscard]] std::string fingerprint_of(const std::vector<ObjectType>& types);

}  // namespace linkspan::connector_graph
