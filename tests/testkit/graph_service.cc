// The Graph fake as a process of its own, for tests of the real binary.
//
//   graph_service    prints its tenant, its sign-in URL and its Graph URL, a line each; an administrator signs in at
//   once.
//
// Then, for each line that it reads, lines and a dot: `user UPN` (its properties as JSON, or nothing), `members GROUP`
// (their userPrincipalNames, sorted; by displayName), `count TYPE`, `permissions APPLICATION` (by its client id), `keys
// APPLICATION`. Ends when its input does.

#include <testkit/graph_fake.h>

#include <iostream>
#include <set>
#include <string>

#include "base/clock.h"

namespace {

using linkspan::testkit::GraphFake;

void print_members(const GraphFake& fake, const std::string& group) {
  std::set<std::string> names;
  for (const std::string& id : fake.where("displayName", group)) {
    for (const std::string& member : fake.members(id)) {
      names.insert(fake.get(member).value("userPrincipalName", member));
    }
  }
  for (const std::string& name : names) std::cout << name << '\n';
}

void answer(GraphFake& fake, const std::string& verb, const std::string& about) {
  if (verb == "user") {
    for (const std::string& id : fake.where("userPrincipalName", about)) std::cout << fake.get(id).dump() << '\n';
  } else if (verb == "members") {
    print_members(fake, about);
  } else if (verb == "count") {
    std::cout << fake.count(about) << '\n';
  } else if (verb == "permissions") {
    for (const std::string& one : fake.identity().permissions(about)) std::cout << one << '\n';
  } else if (verb == "keys") {
    std::cout << fake.identity().keys(about) << '\n';
  } else {
    std::cout << "not a question: " << verb << '\n';
  }
  std::cout << '.' << std::endl;
}

}  // namespace

int main() {
  const linkspan::SystemClock clock;
  GraphFake fake(clock);
  std::cout << fake.identity_tenant() << '\n' << fake.login_url() << '\n' << fake.graph_url() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t blank = line.find(' ');
    answer(fake, line.substr(0, blank), blank == std::string::npos ? std::string() : line.substr(blank + 1));
  }
  return 0;
}
