// Pages, several in flight, and the count that must come out right.

#include "connector_scim/internal/page_walk.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

/// Pages in flight: more would only move the wait into the service.
constexpr std::size_t k_most_ahead = 4;
/// A page of more bytes is too much to have several of, or to have with several resources in it. (Groups may be as
/// large as they like: SCIM shows each with all its members.)
constexpr std::size_t k_heavy_page = std::size_t{16} << 20;
constexpr int k_most_empty_pages = 100;
/// Between fetch_one and next only: the list is read again.
struct CursorEnded {};

std::optional<int> digits(std::string_view text) {
  const std::optional<std::int64_t> number = to_integer(text);
  if (!number || *number < 0 || *number > 9999) return std::nullopt;
  return static_cast<int>(*number);
}

/// "Sun, 22 Nov 2026 17:57:13 GMT" (RFC 9110 section 5.6.7, the form that servers must send).
std::optional<Time> parse_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  const auto day = digits(text.substr(5, 2));
  const auto year = digits(text.substr(12, 4));
  const auto hour = digits(text.substr(17, 2));
  const auto minute = digits(text.substr(20, 2));
  const auto second = digits(text.substr(23, 2));
  if (month == months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return Time{std::chrono::sys_days(date)} + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace

PageWalk::PageWalk(Service& service, const ResourceType& type, std::size_t page_size, std::string filter,
                   std::stop_token stop, bool by_cursor, bool sorted)
    : service_(service),
      type_(type),
      page_size_(page_size),
      filter_(std::move(filter)),
      stop_(std::move(stop)),
      by_cursor_(by_cursor),
      sorted_(sorted && !by_cursor),
      skip_groups_(type.name == "User") {}

bool PageWalk::next(std::vector<Resource>& out) {
  out.clear();
  while (out.empty()) {
    if (ended_) return false;
    if (!fetched_.empty()) {
      accept(out);
      continue;
    }
    try {
      fetch();
    } catch (const CursorEnded&) {
      begin_again("its cursor ended before the list did");
    } catch (const Error& error) {
      // Groups may be so large that fewer of them must do; and a service may take fewer than it says.
      if ((error.id() != "net.too_large" && !count_refused_) || page_size_ == 1) throw;
      count_refused_ = false;
      page_size_ = std::max<std::size_t>(1, page_size_ / 4);
      rewind();
    }
  }
  return true;
}

std::vector<std::string> PageWalk::vanished() const {
  std::vector<std::string> gone;
  for (const std::string& id : abandoned_) {
    if (!seen_.contains(id)) gone.push_back(id);
  }
  return gone;
}

net::Request PageWalk::request(std::uint64_t start, std::uint64_t count) const {
  net::Request made = service_.request(net::Method::get, {type_.endpoint});
  std::vector<std::pair<std::string_view, std::string_view>> query;
  const std::string from = std::to_string(start);
  const std::string most = std::to_string(count);
  query.emplace_back(by_cursor_ ? "cursor" : "startIndex", by_cursor_ ? cursor_ : from);
  query.emplace_back("count", most);
  if (!filter_.empty()) query.emplace_back("filter", filter_);
  if (sorted_) query.emplace_back("sortBy", "id");
  if (skip_groups_) query.emplace_back("excludedAttributes", "groups");
  made.url = net::with_query(made.url, query);
  return made;
}

Page PageWalk::fetch_one(std::uint64_t start, std::uint64_t count) {
  net::Response response = service_.perform(request(start, count), stop_);
  const std::string said = response.status == 400 ? scim_type_of(response) : std::string();
  const bool is_old_cursor = said == "expiredCursor" || said == "invalidCursor";
  count_refused_ = said == "invalidCount";
  // On the first page only: the queries for all pages are the same (RFC 9865 section 2).
  const bool may_be_simpler = received_ == 0 && cursor_.empty() && !is_old_cursor && !count_refused_;
  for (bool* wish : {&sorted_, &skip_groups_}) {
    if (!may_be_simpler || !*wish || (response.status != 400 && response.status != 501)) continue;
    *wish = false;
    response = service_.perform(request(start, count), stop_);
  }
  if (is_old_cursor && by_cursor_ && !cursor_.empty()) throw CursorEnded{};
  if (!is_success(response)) throw error_of(response, "reading " + type_.endpoint);
  if (!server_time_) {
    if (const auto date = response.headers.find("Date")) server_time_ = parse_date(*date);
  }
  return page_of(response);
}

/// After a page of too many bytes the next ones are of fewer resources, and read one by one.
Page PageWalk::page_of(const net::Response& response) {
  Page page = reader_.page(response.body, type_, by_cursor_);
  const std::size_t bytes = response.body.size();
  const std::size_t resources = page.resources.size();
  is_heavy_ = is_heavy_ || bytes > k_heavy_page;
  if (bytes > k_heavy_page && resources > 1 && !by_cursor_) {
    page_size_ = std::min(page_size_, std::max<std::size_t>(1, k_heavy_page / (bytes / resources + 1)));
    most_on_page_ = page_size_;
  }
  return page;
}

/// The next pages, all of which must come as the first one let us expect.
void PageWalk::fetch_ahead() {
  step_ = std::min(step_, most_on_page_);
  const std::size_t most = is_heavy_ ? 1 : std::min(k_most_ahead, service_.options().concurrency);
  std::uint64_t start = 1 + received_;
  while (fetched_.size() < most && start <= total_) {
    fetched_.push_back({{}, start, std::min(step_, total_ - start + 1)});
    start += step_;
  }
  std::size_t asked = 0;
  std::size_t answered = 0;
  std::exception_ptr failure;
  const auto source = [&]() -> std::optional<net::TaggedRequest> {
    if (asked == fetched_.size() || failure) return std::nullopt;
    const std::size_t tag = asked++;
    return net::TaggedRequest{tag, request(fetched_[tag].start, step_)};
  };
  const auto sink = [&](std::uint64_t tag, net::Outcome outcome) {
    ++answered;
    try {
      if (auto* error = std::get_if<Error>(&outcome)) throw std::move(*error);
      const auto& response = std::get<net::Response>(outcome);
      if (!is_success(response)) throw error_of(response, "reading " + type_.endpoint);
      fetched_[tag].page = page_of(response);
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  };
  service_.perform_all(source, sink, most, stop_);
  if (failure) std::rethrow_exception(failure);
  if (answered < fetched_.size())
    throw Error(Fault::cancelled, "scim.stopped", "reading " + type_.endpoint + " was stopped");
}

/// RFC 9865 section 2. The first page is asked for with an empty cursor; the last one has no nextCursor.
void PageWalk::fetch_by_cursor() {
  if (step_ != 0 && cursor_.empty()) {
    ended_ = true;
    return;
  }
  Page page = fetch_one(1, page_size_);
  step_ = 1;
  empty_pages_ = page.resources.empty() ? empty_pages_ + 1 : 0;
  if (empty_pages_ > k_most_empty_pages || (page.next_cursor == cursor_ && !cursor_.empty())) {
    return begin_again("its cursor goes in a circle");
  }
  cursor_ = page.next_cursor;
  total_ = page.is_total_said ? page.total : total_;
  const std::uint64_t size = page.resources.size();
  // Totals should be right (RFC 9865 section 2). Who only estimates them says the same of every reading.
  if (cursor_.empty() && page.is_total_said && received_ + size != total_ &&
      std::exchange(ended_at_, received_ + size) != received_ + size) {
    return begin_again("it ends at " + std::to_string(received_ + size) + " of " + std::to_string(total_));
  }
  page.total = total_;  // what it says on the way, it may estimate
  if (size > 0) fetched_.push_back({std::move(page), received_ + 1, size});
}

void PageWalk::fetch() {
  if (by_cursor_) {
    fetch_by_cursor();
  } else if (step_ == 0) {
    Page first = fetch_one(1, page_size_);
    total_ = first.total;
    step_ = first.resources.size();
    if (total_ == 0 && step_ == 0) {
      ended_ = true;
    } else {
      fetched_.push_back({std::move(first), 1, std::min(step_, total_)});
    }
  } else if (received_ == total_) {
    ended_ = true;
  } else if (ahead_) {
    fetch_ahead();
  } else {
    const std::uint64_t left = total_ - received_;
    Page page = fetch_one(1 + received_, std::min<std::uint64_t>(page_size_, left));
    const std::uint64_t size = page.resources.size();
    fetched_.push_back({std::move(page), 1 + received_, std::min(size, left)});
  }
}

/// The first time: forgets everything, and goes slowly. The second time: throws.
void PageWalk::begin_again(const std::string& why) {
  if (!ahead_) {
    throw Error(
        Fault::unavailable, "scim.incomplete", "the list of " + type_.endpoint + " cannot be read as a whole: " + why,
        "Nothing was concluded from what is missing. Import again at a quieter time; if it stays, the service's "
        "paging is at fault.");
  }
  ahead_ = false;
  rewind();
}

void PageWalk::rewind() {
  abandoned_.merge(seen_);
  seen_.clear();
  fetched_.clear();
  step_ = 0;
  received_ = 0;
  cursor_.clear();
  empty_pages_ = 0;
}

void PageWalk::accept(std::vector<Resource>& out) {
  Fetched next = std::move(fetched_.front());
  fetched_.erase(fetched_.begin());
  const std::string place = "from " + std::to_string(next.start) + " of " + std::to_string(total_);
  if (next.page.total != total_) {
    begin_again("the total changed to " + std::to_string(next.page.total) + " " + place);
    return;
  }
  if (next.page.resources.empty() || next.page.resources.size() != next.expected) {
    begin_again("a page " + place + " holds " + std::to_string(next.page.resources.size()));
    return;
  }
  for (const Resource& resource : next.page.resources) {
    if (seen_.insert(resource.entry.anchor).second) continue;
    begin_again("a page " + place + " repeats " + printable(resource.entry.anchor, 60));
    return;
  }
  received_ += next.page.resources.size();
  out = std::move(next.page.resources);
}

}  // namespace linkspan::connector_scim
