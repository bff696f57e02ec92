// A group of very many members, by the lab's service: what it costs in requests and in memory. LINKSPAN_TEST_MEMBERS in
// the environment says how many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include <testkit/scim_service.h>

#include "connector_scim/internal/make.h"

namespace linkspan::connector_scim {
namespace {

std::size_t members() {
  const char* wanted = std::getenv("LINKSPAN_TEST_MEMBERS");
  return wanted == nullptr ? 5000 : std::stoul(wanted);
}

/// Bytes of "VmHWM", "VmRSS".
std::size_t memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::stoul(line.substr(what.size() + 1)) * 1024;
  }
  return 0;
}

/// How much more memory this process had at the highest than it had before (proc(5), clear_refs).
template <class Deed>
std::size_t peak_of(const Deed& deed) {
  std::ofstream("/proc/self/clear_refs") << "5";
  const std::size_t before = memory("VmRSS");
  deed();
  return memory("VmHWM") - std::min(before, memory("VmHWM"));
}

std::string member(std::size_t number) {
  std::string digits = std::to_string(number);
  return "0f8b2c64-7c1e-4b52-9d0e-" + std::string(12 - digits.size(), '0') + digits;
}

class ScimLargeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::ScimService::available()) GTEST_SKIP() << "node is not installed";
    service_ = std::make_unique<testkit::ScimService>();
    Options options;
    options.url = service_->url();
    options.token = vault::Secret::from(std::string(service_->token()));
    options.member_batch = 1000;
    options.http.longest_body = std::size_t{256} << 20;
    options.http.total_timeout = std::chrono::minutes(5);
    options.http.stall_timeout = std::chrono::minutes(5);
    connector_ = make_connector(std::move(options), logger_);
    model::Export add;
    add.operation = model::Operation::add;
    add.object_type = "Group";
    add.attributes = {{"displayName", {}, {std::string("all hands")}}};
    group_ = sent(add).anchor;
  }
  connector::Sent sent(const model::Export& change) {
    connector::Sent made;
    connector_->send(std::span(&change, 1),
                     [&](std::size_t, connector::Outcome outcome) {
                       ASSERT_TRUE(std::holds_alternative<connector::Sent>(outcome))
                           << std::get<connector::Failed>(outcome).error.what();
                       made = std::get<connector::Sent>(std::move(outcome));
                     },
                     {});
    EXPECT_TRUE(made.references_refused.empty());
    return made;
  }
  model::Export update() const {
    model::Export made;
    made.operation = model::Operation::update;
    made.object_type = "Group";
    made.anchor = group_;
    return made;
  }

  QuietLogger logger_;
  std::unique_ptr<testkit::ScimService> service_;
  std::unique_ptr<connector::Connector> connector_;
  std::string group_;
};

TEST_F(ScimLargeTest, AGroupOfVeryManyIsWrittenInBatchesAndReadWhole) {
  const std::size_t count = members();
  model::Export all = update();
  for (std::size_t i = 0; i < count; ++i) all.references.push_back({"members", member(i), "", true});
  const std::size_t writing = peak_of([&] { (void)sent(all); });
  EXPECT_EQ(service_->requests("PATCH /Groups"), (count + 999) / 1000);
  EXPECT_LT(writing, (std::size_t{16} << 20) + count * 32) << "a batch, and where the batches begin";

  model::Export one = update();
  one.references = {{"members", member(7), "", false}, {"members", member(count), "", true}};
  const std::size_t changing = peak_of([&] { (void)sent(one); });
  EXPECT_LE(service_->requests("PATCH /Groups"), (count + 999) / 1000 + 2);
  EXPECT_LT(changing, std::size_t{4} << 20) << "one member costs one member";

  std::size_t shown = 0;
  const std::size_t reading = peak_of([&] {
    const auto import = connector_->import({}, {});
    std::vector<model::Observation> batch;
    while (import->next(batch)) {
      for (const auto& each : batch) shown += each.entry.references.size();
    }
    EXPECT_TRUE(import->end().complete);
  });
  EXPECT_EQ(shown, count);
  // The answer, its parse, and the entry: SCIM shows no group in parts.
  EXPECT_LT(reading, (std::size_t{32} << 20) + count * 1000);
  RecordProperty("writing_bytes", static_cast<int>(writing));
  RecordProperty("changing_bytes", static_cast<int>(changing));
  RecordProperty("reading_bytes", static_cast<int>(reading));
}

}  // namespace
}  // namespace linkspan::connector_scim
