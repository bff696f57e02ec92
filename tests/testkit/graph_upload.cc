#include "testkit/graph_upload.h"

#include <algorithm>

#include "base/text.h"
#include "testkit/graph_fake.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

constexpr std::size_t k_most_operations = 50;
constexpr std::size_t k_most_in_burst = 40;
constexpr std::chrono::seconds k_burst{5};
constexpr std::chrono::hours k_day{24};

const std::string k_core = "urn:ietf:params:scim:schemas:core:2.0:User";
const std::string k_enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

[[noreturn]] void invalid_format(const std::string& why) {
  throw GraphRefusal{400, "InvalidDataFormat", "Invalid Data Format: " + why};
}

void require(const std::set<std::string>& rights, const std::string& right) {
  if (!rights.contains(right)) {
    throw GraphRefusal{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."};
  }
}

bool holds(const json& list, const std::string& text) {
  return list.is_array() && std::find(list.begin(), list.end(), text) != list.end();
}

/// graph/api/resources/synchronization-bulkupload: what each operation must have.
void check_operation(const json& one, std::set<std::string>& ids) {
  if (!one.is_object() || one.value("method", "") != "POST") invalid_format("method must be POST");
  if (one.value("path", "") != "/Users") invalid_format("path must be /Users");
  const std::string id = one.value("bulkId", "");
  if (id.empty() || !ids.insert(id).second) invalid_format("bulkId must be unique");
  const json data = one.value("data", json());
  if (!data.is_object() || !holds(data.value("schemas", json()), k_core) || !holds(data["schemas"], k_enterprise)) {
    invalid_format("data must name the core and the enterprise schema");
  }
  if (!data.contains("externalId") || !data["externalId"].is_string() ||
      data["externalId"].get<std::string>().empty()) {
    invalid_format("externalId is required");
  }
  for (const auto& [name, value] : data.items()) {
    if (name.starts_with("urn:") && !holds(data["schemas"], name))
      invalid_format("schema " + name + " is not declared");
    if (name == "active" && !value.is_boolean()) invalid_format("active must be a boolean");
  }
}

/// What a mapping does with null: it clears where null flows, and is left out where it does not
/// (entra/identity/app-provisioning/clear-attribute-values).
void merge(json& account, const json& data, bool null_flows) {
  for (const auto& [name, value] : data.items()) {
    if (value.is_object() && account.contains(name) && account[name].is_object()) {
      merge(account[name], value, null_flows);
    } else if (!value.is_null()) {
      account[name] = value;
    } else if (null_flows) {
      account.erase(name);
    }
  }
  if (!null_flows) return;
  const json before = account;
  for (const auto& [name, value] : before.items()) {
    if (!data.contains(name)) account.erase(name);
  }
}

}  // namespace

const std::string& GraphUpload::principal() {
  static const std::string id = make_uuid(0xE0001);
  return id;
}

const std::string& GraphUpload::job() {
  static const std::string id = "API2AAD.b16687d38faf42adb29892cdcaf01c6e.1a03de52-b9c3-4e2c-a1e3-9145aaa8e530";
  return id;
}

bool GraphUpload::is_about(const std::string& path) {
  return path == "/auditLogs/provisioning" || path.ends_with("/bulkUpload");
}

GraphReply GraphUpload::serve(const GraphAsked& asked, const std::set<std::string>& rights, const std::string& root) {
  if (asked.path == "/auditLogs/provisioning") {
    require(rights, "ProvisioningLog.Read.All");  // graph/api/provisioningobjectsummary-list
    return log(asked, root);
  }
  // graph/api/synchronization-synchronizationjob-post-bulkupload
  require(rights, "SynchronizationData-User.Upload");
  if (asked.method != "POST") throw GraphRefusal{405, "Request_BadRequest", "Only POST is supported."};
  if (asked.path != "/servicePrincipals/" + principal() + "/synchronization/jobs/" + job() + "/bulkUpload") {
    throw GraphRefusal{404, "Request_ResourceNotFound", "The synchronization job does not exist."};
  }
  // "40 API calls within any 5-second window", "2,000 API calls per 24-hour period"
  // (entra/identity/app-provisioning/inbound-provisioning-api-concepts)
  const Time now = clock_.now();
  while (!recent_.empty() && now - recent_.front() >= k_day) recent_.pop_front();
  const auto in_burst = std::count_if(recent_.begin(), recent_.end(), [&](Time at) { return now - at < k_burst; });
  if (static_cast<std::size_t>(in_burst) >= k_most_in_burst || recent_.size() >= daily_) {
    ++calls_.throttled;
    GraphReply reply{429, {{"error", {{"code", "TooManyRequests"}, {"message", "Too many requests"}}}}};
    reply.headers.emplace_back("Retry-After", recent_.size() >= daily_ ? "3600" : "5");
    return reply;
  }
  recent_.push_back(now);
  calls_.most_in_five_seconds = std::max(calls_.most_in_five_seconds, static_cast<std::size_t>(in_burst) + 1);
  return take_on(asked);
}

GraphReply GraphUpload::take_on(const GraphAsked& asked) {
  const auto type = asked.headers.find("content-type");
  if (type == asked.headers.end() || type->second != "application/scim+json") {
    invalid_format("the Content-Type is not application/scim+json");
  }
  if (!asked.body.is_object() ||
      !holds(asked.body.value("schemas", json()), "urn:ietf:params:scim:api:messages:2.0:BulkRequest")) {
    invalid_format("this is no BulkRequest");
  }
  const json& operations = asked.body.at("Operations");
  if (!operations.is_array() || operations.empty()) invalid_format("there are no Operations");
  if (operations.size() > k_most_operations) invalid_format("more than 50 operations");
  std::set<std::string> ids;
  for (const json& one : operations) check_operation(one, ids);
  if (is_full_) {
    throw GraphRefusal{500, "InternalServerError",
                       "The bucket that stores the ingested data is full, please wait for the synchronization service "
                       "to process the ingested data and retry this request."};
  }
  ++calls_.uploads;
  calls_.operations += operations.size();
  calls_.largest = std::max(calls_.largest, operations.size());
  for (const json& one : operations) queue_.push_back(one.at("data"));
  GraphReply reply{202};
  reply.headers.emplace_back(
      "Location", "https://graph.microsoft.com/v1.0/auditLogs/provisioning/?$filter=jobid%20eq%20'" + job() + "'");
  return reply;
}

void GraphUpload::work_off(const std::map<std::string, std::string>& refused) {
  for (const json& data : std::exchange(queue_, {})) {
    const std::string worker = data.at("externalId").get<std::string>();
    const bool is_known = accounts_.contains(worker);
    const std::string action = is_known ? "update" : "create";
    if (const auto why = refused.find(worker); why != refused.end()) {
      const bool skips = why->second.starts_with("skip:");
      write_line(worker, action, skips ? "skipped" : "failure", skips ? why->second.substr(5) : why->second);
      continue;
    }
    if (!is_known && (!data.contains("userName") || !data.contains("displayName"))) {
      write_line(worker, action, "failure", "MissingRequiredAttribute");
      continue;
    }
    json& account = accounts_[worker];
    const json before = account;
    if (account.is_null()) account = json::object();
    merge(account, data, null_flows_);
    if (account == before) {
      write_line(worker, "other", "skipped", "RedundantExport");
    } else {
      write_line(worker, action, "success", {});
    }
  }
}

/// graph/api/resources/provisioningobjectsummary
void GraphUpload::write_line(const std::string& worker, const std::string& action, const std::string& status,
                             const std::string& reason) {
  json error = nullptr;
  if (!reason.empty()) error = {{"errorCode", reason}, {"reason", "Message: " + reason}, {"errorCategory", "failure"}};
  lines_.push_back({clock_.now(),
                    {{"id", make_uuid(0xF0000 + lines_.size())},
                     {"activityDateTime", to_rfc3339(clock_.now())},
                     {"jobId", job()},
                     {"provisioningAction", action},
                     {"provisioningStatusInfo", {{"status", status}, {"errorInformation", error}}},
                     {"sourceIdentity",
                      {{"id", worker}, {"identityType", "User"}, {"displayName", ""}, {"details", json::object()}}},
                     {"targetIdentity", {{"id", ""}, {"identityType", "User"}, {"details", json::object()}}}}});
}

GraphReply GraphUpload::log(const GraphAsked& asked, const std::string& root) const {
  for (const auto& [name, value] : asked.query) {
    if (name != "$filter" && name != "$top" && name != "$skiptoken" && name != "$orderby") {
      throw GraphRefusal{400, "BadRequest", "Unsupported query parameter " + name};
    }
  }
  const std::string filter = asked.query.contains("$filter") ? asked.query.at("$filter") : std::string();
  const std::string begin = "jobId eq '" + job() + "'";
  if (!filter.empty() && !filter.starts_with(begin)) return {200, {{"value", json::array()}}};
  Time since{};
  const std::string after = " and activityDateTime gt ";
  if (filter.size() > begin.size()) {
    if (filter.compare(begin.size(), after.size(), after) != 0) throw GraphRefusal{400, "BadRequest", "Invalid filter"};
    since = from_rfc3339(filter.substr(begin.size() + after.size()));
  }
  const std::size_t skip = asked.query.contains("$skiptoken") ? std::stoul(asked.query.at("$skiptoken")) : 0;
  const std::size_t top = std::min(log_page_, asked.query.contains("$top") ? std::stoul(asked.query.at("$top")) : 1000);
  json shown = json::array();
  std::size_t at = 0;
  json body = json::object();
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {  // the newest first
    if (line->at <= since || at++ < skip) continue;
    if (shown.size() == top) {
      // A filter goes as it came: links are followed as they are.
      body["@odata.nextLink"] = root + "/auditLogs/provisioning?$filter=" + filter + "&$top=" + std::to_string(top) +
                                "&$skiptoken=" + std::to_string(skip + top);
      break;
    }
    shown.push_back(line->shown);
  }
  if (body.contains("@odata.nextLink")) {
    auto& link = body["@odata.nextLink"].get_ref<std::string&>();
    for (std::size_t blank = link.find(' '); blank != std::string::npos; blank = link.find(' '))
      link.replace(blank, 1, "%20");
  }
  body["value"] = std::move(shown);
  return {200, std::move(body)};
}

json GraphUpload::account(const std::string& external_id) const {
  const auto found = accounts_.find(external_id);
  return found == accounts_.end() ? json() : found->second;
}

}  // namespace linkspan::testkit
