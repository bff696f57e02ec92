#pragma once
// Histories: what may happen to a small organisation and to the engine between two looks at it, as plain steps that a
// generator draws and a player plays. Steps name people and groups by number, so a history stays playable when a
// shrinker takes steps out of it.

#include <testkit/world.h>

#include <array>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace linkspan::testkit {

enum class Act : unsigned char {
  // What people do to the sources. A step that makes no sense now (a person who is not there) does nothing.
  add_person,
  remove_person,
  set_title,
  set_name,
  set_mail,
  set_kind,
  set_number,
  set_manager,
  set_phones,
  rename_person,
  add_group,
  remove_group,
  add_member,
  remove_member,
  add_hr,
  remove_hr,
  set_hr,
  // What happens to the target behind our back.
  strike_target,
  remove_from_target,
  add_to_target,
  remove_target_member,
  // How exports and imports fail.
  refuse_exports,
  lose_replies,
  lose_requests,
  cut_import,
  refuse_watermarks,
  // What the engine does.
  import,
  synchronize,
  send,
  cycle,
  reopen,
  crash,  ///< a send that dies in the middle, and the process after it
};

struct Step {
  Act act = Act::cycle;
  int who = 0;   ///< 0 … 3
  int whom = 0;  ///< 0 … 4; 4 is nobody that ever exists
  int what = 0;  ///< 0 … 5
  friend bool operator==(const Step&, const Step&) = default;
};
using History = std::vector<Step>;
std::ostream& operator<<(std::ostream& out, const Step& step);

/// Which acts there are to draw from, each as often as it stands in the list.
using Repertoire = std::vector<Act>;
[[nodiscard]] Repertoire people_acts();     ///< join keys stay unique and never change
[[nodiscard]] Repertoire duplicate_acts();  ///< join keys change, and several people share one
[[nodiscard]] Repertoire target_acts();
[[nodiscard]] Repertoire failing_acts();
[[nodiscard]] Repertoire engine_acts();
[[nodiscard]] Repertoire operator+(Repertoire a, const Repertoire& b);
[[nodiscard]] bool is_engine_act(Act act);  ///< failures included
[[nodiscard]] bool is_failing_act(Act act);

/// The rules the histories are played under: one small family, by number.
inline constexpr int k_rule_variants = 9;
[[nodiscard]] std::string rules_of(int variant);

/// Plays steps on a world of three directories: corp (people and groups), hr (records), cloud (the target).
class Player {
 public:
  struct Options {
    int variant = 0;              ///< of rules_of
    std::string rules;            ///< instead of those, if not empty
    bool normalising = false;     ///< the target lower-cases displayName
    std::size_t batch_size = 50;  ///< of the sources' imports
    connector::FakeDelta delta = connector::FakeDelta::removals;
    bool peopled = false;      ///< begins with people in groups, records of some, and all of it exported
    bool tells_parts = false;  ///< deltas of corp and cloud tell only what changed; corp refers by anchor then
  };
  explicit Player(Options options);

  void play(const Step& step);
  void play(const History& history);

  /// Failures are over, waiting times pass: cycles until nothing is pending any more. Returns whether that came to be.
  [[nodiscard]] bool settle();
  /// Imports of all, and a synchronization: everything there is to know is known.
  void catch_up();

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] connector::FakeDirectory& cloud() { return world_.directory("cloud"); }

  /// The target, readable, sorted, its anchors replaced by source anchors: equal content has equal text.
  [[nodiscard]] std::string target();
  /// What the target should hold, worked out from the sources without the engine, against what it holds: lines that are
  /// missing ("-") or too many ("+"); empty when all is well. Only for unique, unchanging join keys and rules 0.
  [[nodiscard]] std::string target_against_sources();
  /// What is wrong with the stored flags and rows: each must be what it is derived from. Empty when all is well.
  [[nodiscard]] std::string contradictions();
  /// Source anchors that more than one account carries.
  [[nodiscard]] std::vector<std::string> duplicates();
  /// (object, stage, error) of all errors, readable.
  [[nodiscard]] std::string errors();

 private:
  void play_person(const Step& step);
  void play_group(const Step& step);
  void play_record(const Step& step);
  void play_target(const Step& step);
  void play_engine(const Step& step);
  void send_until(int dies_at);
  [[nodiscard]] std::map<std::string, std::string> target_lines();
  [[nodiscard]] std::vector<std::string> expected_lines();
  [[nodiscard]] std::string person_dn(int who) const;
  [[nodiscard]] std::vector<std::string> targets(std::vector<std::string> dns) const;
  [[nodiscard]] std::string reference_key(const std::string& target) const;

  Options options_;
  World world_;
  connector::FakeDirectory& corp_;
  connector::FakeDirectory& hr_;
  std::array<std::string, 4> people_;  ///< anchors in corp; empty = not there
  std::array<std::string, 4> groups_;
  std::array<std::string, 4> records_;
  std::set<std::string> strangers_;  ///< accounts somebody else made in the target
};

}  // namespace linkspan::testkit
