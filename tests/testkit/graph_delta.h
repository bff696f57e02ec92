#pragma once
// Delta queries of the Graph fake (graph/delta-query-overview, graph/delta-query-groups).

#include <string>

#include "testkit/graph_fake.h"

namespace linkspan::testkit {

/// One request to /users/delta or /groups/delta. Used under the fake's lock.
class GraphDelta {
 public:
  GraphDelta(GraphFake& fake, const GraphAsked& asked, std::string type)
      : fake_(fake), asked_(asked), type_(std::move(type)) {}

  [[nodiscard]] GraphReply answer();

 private:
  [[nodiscard]] GraphReply begin(std::uint64_t since, const std::string& select, bool empty);
  [[nodiscard]] GraphReply page(const std::string& token, std::size_t number);
  [[nodiscard]] std::vector<nlohmann::json> elements(std::uint64_t since, const std::string& select) const;
  [[nodiscard]] nlohmann::json element(const GraphFake::Object& object, std::uint64_t since,
                                       const std::string& select) const;
  void add_links(const GraphFake::Object& object, std::uint64_t since, const std::string& select,
                 nlohmann::json& element) const;
  [[nodiscard]] std::vector<nlohmann::json> into_pages(const std::vector<nlohmann::json>& elements) const;

  GraphFake& fake_;
  const GraphAsked& asked_;
  const std::string type_;
};

}  // namespace linkspan::testkit
