#pragma once
// Rule sets drawn by dice, for the directories of testkit/histories.h. Any dice give rules that compile and that do not
// chase their own tails: values flow from corp and hr to cloud, never back.

#include <string>
#include <vector>

namespace linkspan::testkit {

/// Dice of any number and any height; those that are missing count as 0, and all zeros are the plainest rules.
using Dice = std::vector<int>;

[[nodiscard]] std::string random_rules(const Dice& dice);

}  // namespace linkspan::testkit
