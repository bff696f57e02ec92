// Connectors ("management agents") of Microsoft's engine: where they lead, and what of it is read.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "base/text.h"
#include "model/dn.h"
#include "rules/internal/foreign_parts.h"

namespace linkspan::rules {
namespace {

constexpr std::string_view k_bookkeeping = "the engine's own bookkeeping";
constexpr std::string_view k_transport =
    "Linkspan connects by TLS (ldaps) and checks the server's certificate; see ca_file, start_tls";
constexpr std::string_view k_watermark =
    "a watermark is only of use to the server it was made for; the first import "
    "is full";
constexpr std::string_view k_schema = "the schema is read from the directory itself";
constexpr std::string_view k_built = "how the engine's own program for this directory is built and called";
constexpr std::string_view k_passwords = "how passwords were carried; Linkspan does not synchronize passwords";
constexpr std::string_view k_classic =
    "rules of the engine's ancestor, before there were synchronization rules; not carried out by either";
constexpr std::string_view k_cycle = "Linkspan's cycle has these steps of its own: `linkspan run delta` and `run full`";

/// Containers' classes that the engine reads to know the tree; Linkspan needs none of them for that.
constexpr std::array<std::string_view, 4> k_hierarchy{"container", "domainDNS", "organizationalUnit", "builtinDomain"};

constexpr std::size_t k_longest_dn = 4096;
constexpr std::size_t k_most_containers = 2'000;

class ConnectorReader {
 public:
  ConnectorReader(ForeignElement& root, std::string_view cloud_kind) : root_(root), cloud_kind_(cloud_kind) {}

  ForeignConnector read() {
    root_.read();
    identity();
    if (ForeignElement* schema = root_.child("schema")) out_.schema = read_foreign_schema(*schema);
    if (ForeignElement* own = root_.child("private-configuration")) {
      if (ForeignElement* ad = own->child("adma-configuration")) forest(*ad);
      if (ForeignElement* other = own->child("MAConfig")) extensible(*other);
    }
    if (ForeignElement* list = root_.child("attribute-inclusion")) {
      for (ForeignElement* one : list->each("attribute")) {
        if (!out_.cloud) add_value("attributes", one->text());
        if (out_.cloud) one->dismiss("a service's attributes are those that rules write and join conditions look at");
      }
    }
    if (ForeignElement* list = root_.child("ma-partition-data")) partitions(*list);
    if (ForeignElement* list = root_.child("ma-run-data")) run_profiles(*list);
    rest();
    return std::move(out_);
  }

 private:
  void add_value(std::string_view setting, const std::string& value) {
    if (seen_.emplace(setting, value).second) out_.settings[std::string(setting)].push_back(value);
  }

  void identity() {
    out_.id = foreign_guid(root_.text("id"));
    root_.dismiss({"id"}, "connectors go by name here");
    out_.name = root_.text("name");
    const std::string category = root_.text("category");
    const std::string subtype = root_.text("subtype");
    out_.category = subtype.empty() ? category : subtype;
    if (category == "AD") {
      out_.kind = "ad";
    } else if (subtype.starts_with("Windows Azure Active Directory") || out_.id == k_cloud_id) {
      out_.cloud = true;
      out_.kind = cloud_kind_;
      root_.remark("category", fmt::format("the engine's cloud directory, here a connector of kind {}", cloud_kind_));
    } else if (category == "ADAM" || subtype.starts_with("Generic LDAP")) {
      out_.kind = "ldap";
      root_.remark("category", "here a connector of kind ldap; say where it is with `linkspan connector add`");
    } else {
      root_.remark("category", fmt::format("Linkspan has no connector for \"{}\"; its rules are kept and never asked",
                                           printable(out_.category, 80)));
    }
    root_.dismiss({"format-version", "version", "internal-version", "creation-time", "last-modification-time"},
                  k_bookkeeping);
    root_.dismiss({"ma-listname", "ma-companyname", "description"}, "words for people, and no setting of a connector");
  }

  // --- Active Directory ---

  void forest(ForeignElement& from) {
    const std::string name = from.text("forest-name");
    const std::string port = from.text("forest-port");
    if (!name.empty()) {
      out_.settings["url"] = {fmt::format("ldaps://{}{}", name, port.empty() || port == "0" ? "" : ":" + port)};
      from.remark("forest-name", "the address of the directory: any of its domain controllers that answers");
    }
    const std::string account = from.text("forest-login-user");
    if (!account.empty()) {
      from.remark("forest-login-user",
                  fmt::format("the account {}\\{} has its password in no export: enter an account for Linkspan with "
                              "`linkspan connector credentials`",
                              printable(from.text("forest-login-domain"), 80), printable(account, 80)));
    }
    from.dismiss({"forest-guid"}, k_bookkeeping);
    from.dismiss({"sign-and-seal", "default-ssl-strength", "ssl-bind", "simple-bind"}, k_transport);
    if (ForeignElement* hashes = from.child("password-hash-sync-config")) {
      if (foreign_truth(hashes->text("enabled"))) {
        hashes->put(Verdict::remarked, "passwords of this forest were synchronized; Linkspan does not do that");
      } else {
        hashes->dismiss("no passwords, as here");
      }
    }
    if (ForeignElement* list = from.child("parameter-values")) parameters(*list, "");
  }

  /// `partition`: DN of the partition that the parameters are of; empty for those of the whole directory.
  void parameters(ForeignElement& list, const std::string& partition) {
    for (ForeignElement* one : list.each("parameter")) {
      const std::string name = one->attribute("name").value_or("");
      one->dismiss_attributes({"type", "use", "dataType", "intrinsic"}, k_bookkeeping);
      if (one->attribute("encrypted") || name == "password") {
        one->dismiss("a secret sealed by the other server; enter it with `linkspan connector credentials`");
      } else if (name.starts_with("Forest.") || name.starts_with("Domain.")) {
        const std::string value = one->text();
        add_value("parameters", name + "=" + value);
        if (!partition.empty() && partitions_ > 1) {
          one->remark(
              fmt::format("of {} there; the connector has more than one domain, the first one counts", partition));
        }
      } else if (name == "Connector.GroupFilteringGroupDn") {
        const std::string group = one->text();
        if (group.empty()) {
          one->dismiss("no filter by group, as here");
        } else {
          one->remark(
              fmt::format("only members of {} were synchronized: add \"memberOf ISMEMBEROF {}\" to the scope "
                          "of the rules that provision",
                          printable(group), printable(group)));
        }
      } else if (name.starts_with("ADS_")) {
        one->dismiss("constants for rules; write the numbers");
      } else {
        parameter_said_elsewhere(*one, name);
      }
    }
  }

  static void parameter_said_elsewhere(ForeignElement& one, std::string_view name) {
    if (name == "cookie") return one.dismiss(k_watermark);
    static const std::set<std::string_view> k_transports{"sign-and-seal", "ssl-bind", "simple-bind", "crl-check",
                                                         "default-ssl-strength"};
    if (k_transports.contains(name)) return one.dismiss(k_transport);
    static const std::set<std::string_view> k_twice{"forest-name",       "forest-port",         "forest-guid",
                                                    "forest-login-user", "forest-login-domain", "guid",
                                                    "last-dc",           "dc-failover",         "preferred-dcs"};
    if (k_twice.contains(name)) return one.dismiss("the file says the same in an element of its own");
    one.put(Verdict::not_understood, "");
  }

  // --- the cloud, and what is called by way of a program of its own ---

  void extensible(ForeignElement& from) {
    if (ForeignElement* list = from.child("parameter-values")) {
      for (ForeignElement* one : list->each("parameter")) {
        const std::string name = one->attribute("name").value_or("");
        one->dismiss_attributes({"type", "use", "dataType", "intrinsic"}, k_bookkeeping);
        if (one->attribute("encrypted")) {
          one->dismiss("a secret sealed by the other server; enter it with `linkspan connector credentials`");
        } else if (out_.cloud && name == "UserName") {
          cloud_account(*one);
        } else {
          one->remark(
              fmt::format("the setting \"{}\" of a program of the engine's: not carried over", printable(name, 80)));
        }
      }
    }
    from.dismiss({"primary_class_mappings", "change_type_attribute", "add_change_type_value",
                  "modify_change_type_value", "delete_change_type_value", "ldap-dn", "case_normalize_dn_for_anchor",
                  "extension-config", "file-type", "importing", "exporting", "parameter-definitions",
                  "possible_component_mappings", "ui-data", "ecma", "samplefile", "code-page"},
                 k_built);
    from.dismiss({"aad-password-reset-config"}, k_passwords);
  }

  void cloud_account(ForeignElement& one) {
    const std::string account = one.text();
    const std::size_t at = account.find('@');
    if (at != std::string::npos && cloud_kind_ == "graph") out_.settings["tenant"] = {account.substr(at + 1)};
    one.remark(
        fmt::format("the account {} belongs to the other server: Linkspan takes an application's credential, see "
                    "`linkspan connector credentials`",
                    printable(account, 120)));
  }

  // --- partitions ---

  void partitions(ForeignElement& list) {
    const std::vector<ForeignElement*> all = list.each("partition");
    partitions_ =
        static_cast<std::size_t>(std::ranges::count_if(all, [](ForeignElement* one) { return selected(*one); }));
    for (ForeignElement* one : all) {
      if (!selected(*one)) {
        one->dismiss("not selected there, so not read here");
      } else {
        partition(*one);
      }
    }
  }

  static bool selected(ForeignElement& partition) {
    return !partition.has("selected") || foreign_truth(partition.text("selected"));
  }

  void partition(ForeignElement& from) {
    const std::string name = from.text("name");
    from.dismiss({"id", "creation-time", "last-modification-time", "version", "display-name"}, k_bookkeeping);
    if (!out_.cloud && !name.empty()) add_value("base", name);
    if (ForeignElement* filter = from.child("filter")) {
      if (ForeignElement* classes = filter->child("object-classes")) object_classes(*classes);
      if (ForeignElement* containers = filter->child("containers")) this->containers(*containers, name);
    }
    if (ForeignElement* own = from.child("custom-data")) {
      if (ForeignElement* ad = own->child("adma-partition-data")) {
        ad->dismiss({"dn", "name", "is-domain"}, "the file says the same in an element of its own");
        ad->dismiss({"guid", "last-dc", "dc-failover"}, k_bookkeeping);
        ad->dismiss({"sign-and-seal", "ssl-bind", "simple-bind"}, k_transport);
        ad->dismiss({"cookie"}, k_watermark);
        for (ForeignElement* preferred : ad->each("preferred-dcs")) {
          preferred->put(Verdict::remarked, "domain controllers preferred there: name them in `url`");
        }
      }
      own->dismiss({"ecma-partition-data"}, k_built);
      own->dismiss({"water-mark"}, k_watermark);
    }
    if (ForeignElement* list = from.child("parameter-values")) parameters(*list, name);
  }

  void object_classes(ForeignElement& list) {
    for (ForeignElement* one : list.each("object-class")) {
      const std::string name = one->text();
      if (std::ranges::find(k_hierarchy, name) != k_hierarchy.end()) {
        one->dismiss("read there to know the tree of containers; Linkspan needs no object of it");
      } else if (out_.cloud) {
        one->dismiss("a service's object types are those that rules name");
      } else {
        add_value("object_types", name);
      }
    }
  }

  void containers(ForeignElement& from, const std::string& partition) {
    const auto texts = [&](std::string_view list, std::string_view item) {
      std::vector<std::string> out;
      if (ForeignElement* found = from.child(list)) {
        for (ForeignElement* one : found->each(item)) {
          const std::string dn = one->text();
          if (dn.size() > k_longest_dn || out.size() == k_most_containers) {
            one->put(Verdict::not_understood, "too long for a name, or too many of them");
          } else if (!dn.empty()) {
            out.push_back(dn);
          }
        }
      }
      return out;
    };
    const std::vector<std::string> exclusions = texts("exclusions", "exclusion");
    const std::vector<std::string> inclusions = texts("inclusions", "inclusion");
    if (out_.cloud) return;
    const ForeignContainers settled = settle_containers(partition, inclusions, exclusions);
    for (const std::string& one : settled.included) add_value("containers", one);
    for (const std::string& one : settled.excluded) add_value("exclude_containers", one);
    if (!settled.deep.empty()) {
      from.remark(
          fmt::format("included there within what is excluded: {}; Linkspan reads whole subtrees, so these are "
                      "left out: list the containers one by one",
                      fmt::join(settled.deep, "; ")));
    }
  }

  // --- run profiles ---

  void run_profiles(ForeignElement& list) {
    for (ForeignElement* profile : list.each("run-configuration")) {
      ForeignElement* configuration = profile->child("configuration");
      for (ForeignElement* step :
           configuration == nullptr ? std::vector<ForeignElement*>{} : configuration->each("step")) {
        ForeignElement* data = step->child("custom-data");
        ForeignElement* ad = data == nullptr ? nullptr : data->child("adma-step-data");
        if (ad != nullptr) {
          take_number(*ad, "page-size", "page_size", 10'000);
          take_number(*ad, "time-limit", "timeout_seconds", 3600);
          ad->dismiss({"batch-size"}, k_cycle);
        }
        if (data != nullptr) data->dismiss({"extensible2-step-data", "parameter-values"}, k_cycle);
        step->dismiss({"step-type", "threshold", "partition"}, k_cycle);
      }
      profile->dismiss({"id", "name", "version"}, k_cycle);
    }
  }

  void take_number(ForeignElement& from, std::string_view name, std::string_view setting, std::int64_t most) {
    ForeignElement* found = from.child(name);
    if (found == nullptr) return;
    const auto number = to_integer(found->text());
    if (!number || *number < 1 || *number > most) return found->dismiss("no limit of this kind, as here");
    const auto known = out_.settings.find(setting);
    if (known == out_.settings.end()) {
      out_.settings[std::string(setting)] = {std::to_string(*number)};
    } else if (known->second.front() != std::to_string(*number)) {
      found->remark(
          fmt::format("{} in this run profile; a connector has one number here: {}", *number, known->second.front()));
    }
  }

  void rest() {
    for (const std::string_view name : {"join", "projection", "export-attribute-flow", "import-attribute-flow",
                                        "stay-disconnector", "provisioning-cleanup", "extension"}) {
      if (ForeignElement* found = root_.child(name)) {
        if (!found->is_empty()) found->put(Verdict::remarked, k_classic);
      }
    }
    root_.dismiss({"password-sync", "password-sync-allowed"}, k_passwords);
    root_.dismiss({"component_mappings", "controller-configuration", "dn-construction"}, k_built);
    root_.dismiss({"encrypted-attributes"}, "attributes sealed by the other server");
  }

  static constexpr std::string_view k_cloud_id = "b891884f-051e-4a83-95af-2544101c9083";
  ForeignElement& root_;
  std::string_view cloud_kind_;
  ForeignConnector out_;
  std::set<std::pair<std::string, std::string>> seen_;  ///< settings with their values
  std::size_t partitions_ = 0;
};

model::ValueKind kind_of(std::string_view syntax) {
  constexpr std::string_view k_prefix = "1.3.6.1.4.1.1466.115.121.1.";
  if (!syntax.starts_with(k_prefix)) return model::ValueKind::text;
  const std::string_view number = syntax.substr(k_prefix.size());
  if (number == "12") return model::ValueKind::reference;
  if (number == "7") return model::ValueKind::boolean;
  if (number == "27") return model::ValueKind::integer;
  if (number == "5" || number == "40") return model::ValueKind::binary;
  if (number == "24" || number == "53") return model::ValueKind::time;
  return model::ValueKind::text;
}

void read_classes(ForeignElement& schema, std::string_view name) {
  for (ForeignElement* one : schema.each(name)) {
    one->dismiss_attributes({"id", "type", "superior"}, k_schema);
    one->dismiss({"name", "attribute", "aux-class", "description"}, k_schema);
  }
}

}  // namespace

ForeignSchema read_foreign_schema(ForeignElement& element) {
  ForeignSchema out;
  ForeignElement* dsml = element.child("dsml");
  ForeignElement* schema = dsml == nullptr ? nullptr : dsml->child("directory-schema");
  if (schema == nullptr) return out;
  schema->dismiss_attributes({"no-objectclass-validation"}, k_schema);
  for (ForeignElement* one : schema->each("attribute-type")) {
    model::SchemaAttribute made;
    made.name = one->text("name");
    made.kind = kind_of(one->text("syntax"));
    made.multi_valued = !foreign_truth(one->attribute("single-value").value_or("false"));
    made.writable = foreign_truth(one->attribute("user-modification").value_or("true"));
    one->dismiss_attributes({"id", "range-lower", "range-upper", "indexable", "encrypted", "export-only"}, k_schema);
    one->dismiss({"description"}, k_schema);
    if (!made.name.empty()) out.emplace(made.name, made);
  }
  read_classes(*schema, "class");
  read_classes(*schema, "dit-content-rule");
  return out;
}

ForeignContainers settle_containers(const std::string& partition, const std::vector<std::string>& inclusions,
                                    const std::vector<std::string>& exclusions) {
  struct Place {
    std::string dn;
    bool included = true;
  };
  std::map<std::string, Place, std::less<>> places;
  places[model::dn_key(partition)] = {partition, true};
  for (const std::string& dn : inclusions) places[model::dn_key(dn)] = {dn, true};
  for (const std::string& dn : exclusions) places[model::dn_key(dn)] = {dn, false};
  const auto above = [&](std::string_view key) -> std::pair<std::string_view, const Place*> {
    for (key = model::parent_key(key); !key.empty(); key = model::parent_key(key)) {
      if (const auto found = places.find(key); found != places.end()) return {key, &found->second};
    }
    return {{}, nullptr};
  };
  ForeignContainers out;
  for (const auto& [key, one] : places) {
    auto [parent_key, parent] = above(key);
    if (parent == nullptr ? !one.included : one.included == parent->included) continue;
    if (!one.included) {
      out.excluded.push_back(one.dn);
      continue;
    }
    bool under_included = false;  // above what excludes it
    for (; parent != nullptr; std::tie(parent_key, parent) = above(parent_key)) {
      under_included = under_included || parent->included;
    }
    (under_included ? out.deep : out.included).push_back(one.dn);
  }
  // An exclusion that nothing read lies above needs no saying.
  std::erase_if(out.excluded, [&](const std::string& dn) {
    const std::string key = model::dn_key(dn);
    return std::ranges::none_of(out.included,
                                [&](const std::string& other) { return model::is_within(key, model::dn_key(other)); });
  });
  // Nothing but the partition itself: all of it, which needs no saying either.
  if (out.included.size() == 1 && out.included.front() == partition) out.included.clear();
  return out;
}

ForeignConnector read_connector(ForeignElement& root, std::string_view cloud_kind) {
  return ConnectorReader(root, cloud_kind).read();
}

}  // namespace linkspan::rules
