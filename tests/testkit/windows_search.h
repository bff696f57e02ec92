#pragma once
// How a domain controller answers searches: pages, ranges, DirSync.

#include <map>
#include <string>
#include <vector>

#include "testkit/windows_wire.h"

namespace linkspan::testkit {

/// What a controller allows (learn.microsoft.com, "LDAP policies": MS-ADTS 3.1.1.3.4.6).
struct WindowsLimits {
  std::size_t page_size = 1000;    ///< MaxPageSize
  std::size_t values = 1500;       ///< MaxValRange
  std::size_t part_objects = 500;  ///< of one answer to DirSync
  std::size_t part_looks = 20000;  ///< objects that one answer to DirSync looks at
};

/// Who asks, as far as answers depend on it.
struct WindowsViewer {
  bool bound = false;
  bool replicates = false;    ///< Replicating Directory Changes
  bool sees_deleted = false;  ///< may list Deleted Objects
};

/// The searches of one connection. Its users hold the forest's lock.
class WindowsSearch {
 public:
  WindowsSearch(WindowsForest& forest, WindowsForest::Domain& domain, const WindowsLimits& limits)
      : forest_(forest), domain_(domain), limits_(limits) {}

  /// Appends all messages of the answer. Throws WindowsRefusal for one that is an error alone.
  void answer(const WindowsRequest& request, const WindowsViewer& viewer, std::string& out);

 private:
  struct Page {
    std::vector<WindowsObject*> left;
    std::size_t next = 0;
    std::string request;  ///< that it goes on
  };
  struct Wanted;

  void answer_root(const WindowsRequest& request, std::string& out);
  void answer_dirsync(const WindowsRequest& request, const WindowsViewer& viewer, WindowsObject& base,
                      std::string& out);
  [[nodiscard]] WindowsObject& base_of(const WindowsRequest& request, const WindowsViewer& viewer);
  [[nodiscard]] bool holds(const WindowsObject& context) const;
  [[nodiscard]] std::vector<WindowsObject*> matches(const WindowsRequest& request, const WindowsViewer& viewer,
                                                    WindowsObject& base);
  [[nodiscard]] std::vector<WindowsObject*> candidates(const WindowsFilter& filter, WindowsObject& base, int scope);
  [[nodiscard]] bool visible(const WindowsObject& object, const WindowsControls& controls,
                             const WindowsViewer& viewer) const;
  [[nodiscard]] std::optional<bool> test(const WindowsFilter& filter, const WindowsObject& object) const;
  [[nodiscard]] std::vector<std::string> values(const WindowsObject& object, const WindowsAttribute& type,
                                                const WindowsControls& controls) const;
  [[nodiscard]] std::string name_of(const WindowsObject& object, const WindowsControls& controls) const;
  void put_entry(const WindowsRequest& request, const WindowsObject& object, std::string& out) const;
  void put_links(WindowsEntry& entry, const WindowsObject& object, const WindowsAttribute& type, const Wanted& wanted,
                 const WindowsControls& controls) const;
  [[nodiscard]] bool put_changes(const WindowsRequest& request, const WindowsObject& object, std::int64_t since,
                                 std::string& out) const;
  void put_references(const WindowsRequest& request, const WindowsObject& base, std::string& out) const;

  WindowsForest& forest_;
  WindowsForest::Domain& domain_;
  const WindowsLimits& limits_;
  std::map<std::string, Page> pages_;  ///< by cookie
};

}  // namespace linkspan::testkit
