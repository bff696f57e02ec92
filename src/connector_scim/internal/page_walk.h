#pragma once
// All resources of one type, page by page, with proof that it was all of them (RFC 7644 section 3.4.2.4).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "connector_scim/internal/service.h"

namespace linkspan::connector_scim {

/// SCIM has no snapshot and no promised order: what is added or removed while we turn pages shifts the rest. So a walk
/// counts: every page must come as long as expected, no id twice, and totalResults must stay what it was. When that
/// fails it begins again, once, one page after the other; then it gives up. Not thread-safe.
class PageWalk {
 public:
  /// `filter` empty = all. The service and the type outlive the walk. By cursor (RFC 9865) there is one page after the
  /// other, and the proof is that no id comes twice, that the cursor ends, and the total, if one is said: it should be
  /// right, and where it is not, that a second reading ends with as many. `sorted`: the service sorts, so pages by
  /// index are asked for in the order of ids, and what changes in between moves nothing else.
  PageWalk(Service& service, const ResourceType& type, std::size_t page_size, std::string filter, std::stop_token stop,
           bool by_cursor = false, bool sorted = false);

  /// Fills `out` (cleared first) with the next resources; false at the proper end. A resource may come twice when the
  /// walk had to begin again. Throws Fault::unavailable "scim.incomplete" when it cannot be made whole, and what
  /// Service throws.
  [[nodiscard]] bool next(std::vector<Resource>& out);

  /// After the end: what an abandoned first walk had delivered and the whole second one did not show any more.
  [[nodiscard]] std::vector<std::string> vanished() const;

  /// What the service's clock said to the first request; nullopt when it sends no Date.
  [[nodiscard]] std::optional<Time> server_time() const { return server_time_; }

 private:
  struct Fetched {
    Page page;
    std::uint64_t start = 0;
    std::uint64_t expected = 0;
  };

  [[nodiscard]] net::Request request(std::uint64_t start, std::uint64_t count) const;
  [[nodiscard]] Page fetch_one(std::uint64_t start, std::uint64_t count);
  [[nodiscard]] Page page_of(const net::Response& response);
  void fetch_ahead();
  void fetch_by_cursor();
  void fetch();
  void begin_again(const std::string& why);
  void rewind();
  void accept(std::vector<Resource>& out);

  Service& service_;
  const ResourceType& type_;
  std::size_t page_size_;  ///< shrinks when a page turns out too large to take
  const std::string filter_;
  const std::stop_token stop_;
  Reader reader_;

  const bool by_cursor_;
  std::string cursor_;                     ///< of the next page; empty = at the beginning, or at the end
  int empty_pages_ = 0;                    ///< in a row
  bool sorted_;                            ///< ask for pages in the order of ids
  std::optional<std::uint64_t> ended_at_;  ///< where a cursor ended that did not fit its total
  bool skip_groups_;                       ///< ask for users without their groups: services compute them at great cost
  bool is_heavy_ = false;                  ///< some page was of very many bytes
  std::uint64_t most_on_page_ = std::numeric_limits<std::uint64_t>::max();  ///< likewise
  bool ahead_ = true;                                                       ///< read several pages at once
  std::uint64_t total_ = 0;
  std::uint64_t step_ = 0;  ///< how many resources the service puts into a page; 0 = nothing read yet
  std::uint64_t received_ = 0;
  std::unordered_set<std::string> seen_;
  std::unordered_set<std::string> abandoned_;
  std::vector<Fetched> fetched_;  ///< in order, not accepted yet
  std::optional<Time> server_time_;
  bool ended_ = false;
  bool count_refused_ = false;  ///< the last page was refused for its length
};

}  // namespace linkspan::connector_scim
