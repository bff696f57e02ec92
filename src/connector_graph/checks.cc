#include "connector_graph/internal/checks.h"

#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/certificate.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/upload.h"
#include "connector_graph/internal/upload_log.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

/// One run of checks; the first that fails ends it when nothing further can work.
class Checks {
 public:
  explicit Checks(Tenant& tenant) : tenant_(tenant) {}

  std::vector<connector::Check> run() {
    if (!check("sign-in", [this] { return sign_in(); })) return std::move(done_);
    if (!check("certificate", [this] { return certificate(); })) return std::move(done_);
    if (tenant_.options().uploads()) {
      check("upload", [this] { return upload(); });
      check("provisioning log", [this] { return log(); });
      return std::move(done_);
    }
    if (!check("extensions", [this] { return extensions(); })) return std::move(done_);
    for (const ObjectType& type : tenant_.types()) {
      if (!check("read " + type.collection, [&] { return read(type); })) continue;
      check("delta " + type.collection, [&] { return delta(type); });
      check("write " + type.collection, [&] { return write(type); });
    }
    return std::move(done_);
  }

 private:
  bool check(const std::string& name, const std::function<std::string()>& deed) {
    connector::Check made;
    made.name = name;
    try {
      made.detail = deed();
      made.passed = true;
    } catch (const Error& error) {
      made.detail = error.what();
      made.hint = error.hint();
    }
    done_.push_back(made);
    return made.passed;
  }

  std::string sign_in() {
    (void)tenant_.sign_in().authorization({});
    return "as application " + tenant_.options().client_id + " of " + tenant_.options().tenant;
  }

  std::string certificate() {
    const std::optional<Time> end = tenant_.sign_in().certificate_end();
    if (!end) return "signed in";
    const bool soon = *end - tenant_.clock().now() < k_certificate_ends_soon;
    return "valid until " + to_rfc3339(*end) +
           (soon ? "; replace it with `linkspan connector register --rotate`" : std::string());
  }

  std::string extensions() {
    if (tenant_.options().directory_extensions.empty()) return "none are asked for";
    const auto known = tenant_.extensions({});
    if (!known) {
      return "the application may not ask what they are (Directory.Read.All): all are taken for text of users";
    }
    std::string missing;
    for (const std::string& name : tenant_.options().directory_extensions) {
      const bool there = std::any_of(known->begin(), known->end(), [&](const auto& one) { return one.name == name; });
      if (!there) missing += (missing.empty() ? "" : ", ") + name;
    }
    if (!missing.empty()) {
      throw Error(Fault::invalid, "graph.attribute", "the tenant has no directory extension " + missing,
                  "Correct directory_extensions; `linkspan connector schema` lists those there are.");
    }
    return std::to_string(tenant_.options().directory_extensions.size()) + " of the tenant's " +
           std::to_string(known->size());
  }

  std::string read(const ObjectType& type) {
    const net::Response response =
        tenant_.get(net::with_query("/" + type.collection, {{"$select", type.selection()}, {"$top", "1"}}), {});
    (void)Reader().page(response.body, type);
    return std::to_string(type.properties.size()) + " attributes";
  }

  std::string delta(const ObjectType& type) {
    const net::Response response = tenant_.get(
        net::with_query("/" + type.collection + "/delta", {{"$deltatoken", "latest"}, {"$select", "id"}}), {});
    if (Reader().page(response.body, type).delta_link.empty()) {
      throw Error(Fault::unavailable, "graph.reply", "the delta query answers without a link", "Try again later.");
    }
    return "changes can be asked for, for seven days";
  }

  /// A change of nobody: Graph looks at the right to make it first, and then finds nobody of that id.
  std::string write(const ObjectType& type) {
    const net::Response response = tenant_.perform(
        {net::Method::patch, "/" + type.collection + "/" + random_uuid(), {}, R"({"displayName":"Linkspan"})"}, {});
    if (response.status != 404) throw error_of(response, "asking for the right to write " + type.collection);
    return "allowed";
  }

  /// Nobody is uploaded: who may not is refused first (403), an unknown job next (404), and then what holds nothing.
  std::string upload() {
    const net::Response response = tenant_.perform(upload_call(tenant_.options(), {}), {});
    if (!is_success(response) && response.status != 400) throw upload_error(response, "asking for the right to upload");
    return "allowed, for job " + tenant_.options().job_id;
  }

  std::string log() {
    (void)Reader().log(tenant_.get(log_path(tenant_.options(), std::nullopt, 1), {}).body);
    return "says what becomes of each worker";
  }

  Tenant& tenant_;
  std::vector<connector::Check> done_;
};

}  // namespace

std::vector<connector::Check> run_checks(Tenant& tenant) { return Checks(tenant).run(); }

}  // namespace linkspan::connector_graph
