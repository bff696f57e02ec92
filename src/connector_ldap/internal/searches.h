#pragma once
// The two ways to read a subtree: in pages, and by content synchronization. Both hand over raw messages.

#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>

#include "connector_ldap/internal/session.h"
#include "connector_ldap/internal/wire.h"

namespace linkspan::connector_ldap {

/// One search, page by page (RFC 2696). While the entries of a page are taken, the server already prepares the next.
class PagedSearch {
 public:
  /// `page_size` 0 = unpaged, for servers without the control.
  /// `more`: further controls of each request.
  PagedSearch(Session& session, Search search, int page_size, std::stop_token stop,
              std::vector<RequestControl> more = {});
  ~PagedSearch();
  PagedSearch(const PagedSearch&) = delete;
  PagedSearch& operator=(const PagedSearch&) = delete;

  /// The next entry, null at the proper end. Throws for every other end.
  [[nodiscard]] Message next();

  /// Parts of the tree that the server says are elsewhere; they were not read.
  [[nodiscard]] std::size_t references() const { return references_; }

 private:
  void request();
  void read_ahead();
  void end_page(LDAPMessage* message);

  Session& session_;
  Search search_;
  std::vector<RequestControl> more_;
  int page_size_;
  std::stop_token stop_;
  std::string cookie_;
  std::deque<Message> ready_;
  std::size_t references_ = 0;
  std::size_t in_page_ = 0;
  int empty_pages_ = 0;
  int id_ = -1;  ///< of the open request
};

/// One refreshOnly search (RFC 4533).
class SyncSearch {
 public:
  SyncSearch(Session& session, const Search& search, const std::string& cookie, std::stop_token stop);
  ~SyncSearch();
  SyncSearch(const SyncSearch&) = delete;
  SyncSearch& operator=(const SyncSearch&) = delete;

  /// What came: an entry (with its state), or a list of identities.
  struct Event {
    Message entry;
    SyncState state;
    SyncInfo info;
  };

  /// nullopt at the proper end. Throws for every other end; SyncRefused when the server would not begin.
  [[nodiscard]] std::optional<Event> next();

  /// After the end. A server that says nothing of it has no cookie.
  [[nodiscard]] const SyncDone& done() const { return done_; }
  [[nodiscard]] std::size_t references() const { return references_; }

 private:
  Event entry_event(Message message);
  void finish(LDAPMessage* message);
  [[nodiscard]] Error garbled(const char* what) const;

  Session& session_;
  std::string base_;
  std::stop_token stop_;
  std::string cookie_;
  SyncDone done_;
  std::size_t references_ = 0;
  bool begun_ = false;
  int id_ = -1;
};

/// The server does not want to synchronize so, and has sent nothing: another way may do.
struct SyncRefused {
  Error error;
};

}  // namespace linkspan::connector_ldap
