#pragma once
// LDAP messages (RFC 4511) taken apart and put together by liblber, and the connection that they travel on.

#include <lber.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "testkit/windows_forest.h"

struct ssl_st;
struct ssl_ctx_st;

namespace linkspan::testkit {

/// An accepted socket, plain at first. One thread reads and writes; shut() may come from any.
class WindowsStream {
 public:
  explicit WindowsStream(int fd) : fd_(fd) {}
  ~WindowsStream();
  WindowsStream(const WindowsStream&) = delete;
  WindowsStream& operator=(const WindowsStream&) = delete;

  [[nodiscard]] bool encrypt(ssl_ctx_st* context);
  [[nodiscard]] bool encrypted() const { return ssl_ != nullptr; }
  [[nodiscard]] long read(void* into, std::size_t most);
  bool write(std::string_view bytes);
  void shut() const;

 private:
  int fd_;
  ssl_st* ssl_ = nullptr;
};

struct BerFree {
  void operator()(BerElement* ber) const noexcept { ber_free(ber, 1); }
};
using Ber = std::unique_ptr<BerElement, BerFree>;

/// RFC 4511, 4.5.1.7. Comparisons that are no more than these.
struct WindowsFilter {
  enum class Kind : std::uint8_t { all, any, none, equal, at_least, at_most, present, bits_and, bits_or };
  Kind kind = Kind::present;
  std::string attribute;
  std::string value;
  std::vector<WindowsFilter> parts;
};

struct WindowsControls {
  bool show_deleted = false;
  bool show_recycled = false;
  bool permissive = false;
  bool whole_tree = false;
  bool domain_scope = false;
  std::optional<int> extended_dn;  ///< 0 = identities as digits, 1 = as text
  std::optional<int> descriptor;   ///< SD_FLAGS
  struct Page {
    int size = 0;
    std::string cookie;
  };
  std::optional<Page> page;
  struct DirSync {
    std::uint32_t flags = 0;
    int most_bytes = 0;
    std::string cookie;
  };
  std::optional<DirSync> dirsync;
};

struct WindowsRequest {
  int id = 0;
  ber_tag_t operation = 0;
  WindowsControls controls;

  std::string name;  ///< of what it is about; of who binds
  // bind
  bool simple = false;
  std::string password;
  // search
  int scope = 0;
  int size_limit = 0;
  bool types_only = false;
  WindowsFilter filter;
  std::vector<std::string> attributes;
  // add, modify
  std::vector<WindowsChange> changes;
  // rename
  std::string new_rdn;
  bool delete_old = true;
  std::optional<std::string> new_parent;
};

/// The OIDs that this server takes as controls.
[[nodiscard]] const std::vector<std::string>& windows_controls();

/// Reads one message. False at the end of the stream, or when it is no LDAP.
class WindowsReader {
 public:
  explicit WindowsReader(WindowsStream& stream);
  ~WindowsReader();
  WindowsReader(const WindowsReader&) = delete;
  WindowsReader& operator=(const WindowsReader&) = delete;

  /// Throws WindowsRefusal for what is well-formed and not to be taken; `request.id` and its operation are set then.
  [[nodiscard]] bool next(WindowsRequest& request);

 private:
  Sockbuf* buffer_;
};

/// Appends to `out`.
struct WindowsAnswer {
  std::string oid;
  std::string value;
};
void put_result(std::string& out, int id, ber_tag_t kind, int code, const std::string& text,
                const std::string& referral = {}, const std::vector<WindowsAnswer>& controls = {});
void put_reference(std::string& out, int id, const std::string& url);

/// A search entry as it grows.
class WindowsEntry {
 public:
  WindowsEntry(int id, const std::string& dn, bool types_only);
  void begin(const std::string& attribute);
  void value(std::string_view bytes);
  void end();
  [[nodiscard]] std::string finish();

 private:
  Ber ber_;
  bool types_only_;
};

/// SEQUENCE { INTEGER, OCTET STRING } and SEQUENCE { INTEGER, INTEGER, OCTET STRING }.
[[nodiscard]] std::string page_value(int estimate, const std::string& cookie);
[[nodiscard]] std::string dirsync_value(bool more, const std::string& cookie);

}  // namespace linkspan::testkit
