#pragma once
// Changes of a partition of Active Directory by DirSync (MS-ADTS 3.1.1.3.4.1.3).

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

/// What to ask for.
struct DirSyncRequest {
  std::string partition;  ///< DN of its root; the control takes no other base
  std::string filter = "(objectClass=*)";
  std::vector<std::string> attributes;  ///< empty = all; an object comes only when one of them changed
  bool visible_only = false;            ///< what the account may see, for accounts without the right to replicate
  std::string cookie;                   ///< empty = from the beginning
};

/// Thrown when the server would not begin or go on: the account has no right to it, or a cookie is not taken.
struct DirSyncRefused {
  Error error;
  bool lacks_right = false;
};

/// One series of requests, until there is nothing more. Values of links come as what changed, not whole.
class DirSyncSearch {
 public:
  DirSyncSearch(Session& session, DirSyncRequest request, std::stop_token stop);
  ~DirSyncSearch();
  DirSyncSearch(const DirSyncSearch&) = delete;
  DirSyncSearch& operator=(const DirSyncSearch&) = delete;

  /// The next changed object, null at the proper end. Throws for every other end, DirSyncRefused among them.
  [[nodiscard]] Message next();

  /// After the end: where the next series begins.
  [[nodiscard]] const std::string& cookie() const { return request_.cookie; }

 private:
  void send();
  void end_part(LDAPMessage* message);

  Session& session_;
  DirSyncRequest request_;
  std::stop_token stop_;
  int id_ = -1;
  bool begun_ = false;
  std::size_t in_part_ = 0;
};

}  // namespace linkspan::connector_ldap
