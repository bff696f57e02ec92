#pragma once
// PATCH as RFC 7644 section 3.5.2 has it, for the strict SCIM service of tests.

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace linkspan::testkit {

/// What real services do otherwise.
struct ScimPatchManners {
  bool text_booleans = false;     ///< wants "True" and "False" where a boolean belongs
  bool removes_by_value = false;  ///< members go by their value, and paths with filters are refused
};

/// Changes `resource` of "Users" or "Groups" as `body`, a PatchOp, says: all of it or, when it throws ScimRefusal,
/// nothing. Returns whether anything is different now. `check_member` may throw for the id of a new member.
bool scim_patch(const std::string& endpoint, nlohmann::json& resource, const nlohmann::json& body,
                const std::function<void(const std::string& id)>& check_member, const ScimPatchManners& manners = {});

}  // namespace linkspan::testkit
