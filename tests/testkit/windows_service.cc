// The Windows-like directory as a process of its own, for tests and benchmarks of the real binary.
//
//   windows_service [DOMAIN...]    prints, a line each: LDAPS URL of each domain's controller, then the file with its
//   certificate, the administrator's name and password, and the DN of the first domain.
//
// Then, for each line that it reads, lines and a dot: `ou NAME` (below the first domain), `crowd OU NAME COUNT` (that
// many users and a group of them), `in OU NAME NUMBER` and `out OU NAME NUMBER` (one membership of the group), `busy`
// (microseconds spent on answers so far), `searches`. Ends when its input does.

#include <fmt/core.h>
#include <testkit/windows_directory.h>

#include <iostream>
#include <sstream>

namespace {

using linkspan::testkit::WindowsDirectory;

void answer(WindowsDirectory& windows, std::istream& words) {
  std::string verb;
  std::string ou;
  std::string name;
  std::size_t number = 0;
  words >> verb >> ou >> name >> number;
  const std::string container = fmt::format("OU={},{}", ou, windows.base());
  if (verb == "ou") {
    windows.admin().add(container, {{"objectClass", {"organizationalUnit"}}});
  } else if (verb == "crowd") {
    windows.add_crowd(name, container, number);
  } else if (verb == "in" || verb == "out") {
    windows.set_member(fmt::format("CN={},{}", name, container), fmt::format("CN={} {},{}", name, number, container),
                       verb == "in");
  } else if (verb == "busy") {
    std::cout << windows.busy().count() / 1000 << '\n';
  } else if (verb == "searches") {
    std::cout << windows.searches() << '\n';
  } else {
    std::cout << "not a question: " << verb << '\n';
  }
  std::cout << '.' << std::endl;
}

}  // namespace

int main(int count, char** words) {
  linkspan::testkit::WindowsDirectoryOptions options;
  if (count > 1) options.domains.assign(words + 1, words + count);
  const std::size_t domains = options.domains.size();
  WindowsDirectory windows(std::move(options));
  for (std::size_t i = 0; i < domains; ++i) std::cout << windows.ldaps_url(i) << '\n';
  std::cout << windows.ca_file() << '\n'
            << windows.admin_name() << '\n'
            << windows.admin_password() << '\n'
            << windows.base() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream question(line);
    answer(windows, question);
  }
  return 0;
}
