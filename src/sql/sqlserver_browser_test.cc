#include "sql/internal/sqlserver_browser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <testkit/browser_stub.h>
#include <atomic>

#include "base/error.h"

namespace linkspan::sql {
namespace {

using ::testing::HasSubstr;
using testkit::BrowserStub;

constexpr char k_ask = '\x04';
constexpr char k_list = '\x03';

// Short tries for Browsers that keep silent; patience for those that answer on a busy machine.
BrowserOptions silent(const BrowserStub& stub) { return {stub.port(), std::chrono::milliseconds(100)}; }
BrowserOptions answering(const BrowserStub& stub) { return {stub.port(), std::chrono::seconds(20)}; }

template <class Work>
Error refusal(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return {Fault::invalid, "none", "nothing was thrown"};
}

TEST(BrowserAnswerTest, ReadsPortsOfOneInstanceAndOfAll) {
  const auto one = parse_browser_answer(
      BrowserStub::answer("ServerName;DB1;InstanceName;SQLEXPRESS;IsClustered;No;Version;15.0.2000.5;np;\\\\DB1\\pipe;"
                          "tcp;49733;;"));
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1U);
  EXPECT_EQ(one->front().name, "SQLEXPRESS");
  EXPECT_EQ(one->front().port, 49733);

  const auto all = parse_browser_answer(
      BrowserStub::answer(BrowserStub::instance("A", 1433) + "servername;DB1;INSTANCENAME;B;bv;tcp;1;2;new;x;;" +
                          "ServerName;nameless;tcp;5;;" + BrowserStub::instance("C", 1435)));
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[1].name, "B");
  EXPECT_FALSE((*all)[1].port);
  EXPECT_EQ((*all)[2].port, 1435);
}

TEST(BrowserAnswerTest, TakesNothingFromWhatIsNoAnswer) {
  using namespace std::string_literals;
  EXPECT_FALSE(parse_browser_answer(""));
  EXPECT_FALSE(parse_browser_answer("\x05\x01"s));
  EXPECT_FALSE(parse_browser_answer("\x04\x00\x00"s));
  EXPECT_FALSE(parse_browser_answer("\x05\x04\x00tcp"s)) << "shorter than it says";
  for (const char* port : {"0", "65536", "-1", "14x", "", "99999999999999999999"}) {
    const auto found = parse_browser_answer(BrowserStub::answer("InstanceName;I;tcp;" + std::string(port) + ";;"));
    ASSERT_TRUE(found && found->size() == 1) << port;
    EXPECT_FALSE(found->front().port) << port;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "InstanceName;I;;";
  EXPECT_EQ(parse_browser_answer(BrowserStub::answer(many))->size(), 256U);
}

TEST(BrowserTest, AsksForTheInstanceAndTakesItsPort) {
  std::string asked;
  BrowserStub stub([&](const std::string& question) -> std::vector<std::string> {
    asked = question;
    return {BrowserStub::answer(BrowserStub::instance("SQLEXPRESS", 50123))};
  });
  EXPECT_EQ(find_instance_port("127.0.0.1", "sqlexpress", "sqlserver://h", answering(stub)), 50123);
  EXPECT_EQ(asked, k_ask + std::string("sqlexpress") + '\0');
}

TEST(BrowserTest, ABrowserThatKeepsSilentIsAskedThreeTimesAndToldOf) {
  std::atomic<int> asked = 0;
  BrowserStub stub([&](const std::string& question) -> std::vector<std::string> {
    if (question.front() == k_ask) ++asked;
    return {};
  });
  const Error error = refusal([&] { (void)find_instance_port("127.0.0.1", "I", "sqlserver://h", silent(stub)); });
  EXPECT_EQ(error.id(), "sql.browser_silent");
  EXPECT_THAT(error.hint(), HasSubstr("host,port"));
  EXPECT_EQ(asked, 3);
}

TEST(BrowserTest, APortThatRefusesIsNotWaitedFor) {
  std::uint16_t closed = 0;
  {
    closed = BrowserStub([](const std::string&) { return std::vector<std::string>(); }).port();
  }
  const auto begun = std::chrono::steady_clock::now();
  const Error error = refusal(
      [&] { (void)find_instance_port("127.0.0.1", "I", "sqlserver://h", {closed, std::chrono::seconds(100)}); });
  EXPECT_EQ(error.id(), "sql.browser_silent");
  EXPECT_THAT(error.message(), HasSubstr("no SQL Server Browser runs there"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(50));
}

TEST(BrowserTest, AnInstanceTheBrowserDoesNotKnowIsToldWithThoseItKnows) {
  BrowserStub stub([](const std::string& question) -> std::vector<std::string> {
    if (question.front() != k_list) return {};  // as the real one does
    return {BrowserStub::answer(BrowserStub::instance("SQLEXPRESS", 1) + BrowserStub::instance("P\x1bROD", 2))};
  });
  const Error error =
      refusal([&] { (void)find_instance_port("127.0.0.1", "SQLEXPRES", "sqlserver://h", silent(stub)); });
  EXPECT_EQ(error.id(), "sql.no_instance");
  EXPECT_THAT(error.hint(), HasSubstr("SQLEXPRESS, P"));
  EXPECT_THAT(error.hint(), ::testing::Not(HasSubstr("\x1b")));
}

TEST(BrowserTest, AnInstanceWithoutTcpIsToldAsSuch) {
  BrowserStub stub([](const std::string&) -> std::vector<std::string> {
    return {BrowserStub::answer("ServerName;DB1;InstanceName;SQLEXPRESS;IsClustered;No;Version;15.0.2000.5;;")};
  });
  const Error error =
      refusal([&] { (void)find_instance_port("127.0.0.1", "SQLEXPRESS", "sqlserver://h", answering(stub)); });
  EXPECT_EQ(error.id(), "sql.no_instance");
  EXPECT_THAT(error.hint(), HasSubstr("Enable TCP/IP"));
}

TEST(BrowserTest, HostileAnswersArePassedOver) {
  BrowserStub stub([&](const std::string&) -> std::vector<std::string> {
    return {"",
            "\x05",
            std::string(2000, '\xff'),
            std::string("\x05\xff\xff") + "InstanceName;I;tcp;1;;",
            BrowserStub::answer(BrowserStub::instance("OTHER", 7)),
            BrowserStub::answer(std::string(60'000, ';')),
            BrowserStub::answer(BrowserStub::instance("I", 50124))};
  });
  EXPECT_EQ(find_instance_port("127.0.0.1", "I", "sqlserver://h", answering(stub)), 50124);
}

TEST(BrowserTest, AHostWithoutAnAddressIsUnreachable) {
  EXPECT_EQ(refusal([] { (void)find_instance_port("no-such-host.invalid", "I", "sqlserver://h"); }).id(),
            "sql.unreachable");
}

}  // namespace
}  // namespace linkspan::sql
