#include "testkit/windows_search.h"

#include <fmt/format.h>
#include <ldap.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/text.h"
#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

constexpr std::uint32_t k_object_security = 0x1;
constexpr std::uint32_t k_ancestors_first = 0x800;
constexpr std::uint32_t k_incremental_values = 0x80000000;

[[noreturn]] void refuse(int code, const std::string& text) { throw WindowsRefusal(code, text); }

[[noreturn]] void refuse_control(int code, std::string_view number) {
  refuse(code, fmt::format("{}: LdapErr: DSID-0C090000, comment: Error processing control, data 0, v4563", number));
}

bool is_class(const WindowsObject& object, std::string_view name) {
  const auto held = object.attributes.find("objectClass");
  return held != object.attributes.end() &&
         std::ranges::any_of(held->second.values, [&](const auto& one) { return same_name(one, name); });
}

bool within(const WindowsObject& object, const WindowsObject& base) {
  for (const WindowsObject* at = &object; at != nullptr; at = at->parent) {
    if (at == &base) return true;
  }
  return false;
}

// A cookie of DirSync is opaque (MS-ADTS 3.1.1.3.4.1.3). In it: which controller's numbers it holds, up to which number
// objects were told of, and up to which one attributes are known.
constexpr std::string_view k_cookie_mark{"MSDS\x03\0\0\0", 8};

struct Cookie {
  std::string invocation;
  std::int64_t objects = 0;
  std::int64_t attributes = 0;
};

std::string write_cookie(const Cookie& cookie) {
  std::string made(k_cookie_mark);
  made += cookie.invocation;
  for (const std::int64_t number : {cookie.objects, cookie.attributes}) {
    made.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  return made;
}

std::optional<Cookie> read_cookie(std::string_view bytes) {
  if (bytes.size() != k_cookie_mark.size() + 32 || !bytes.starts_with(k_cookie_mark)) return std::nullopt;
  bytes.remove_prefix(k_cookie_mark.size());
  Cookie made{std::string(bytes.substr(0, 16)), 0, 0};
  std::memcpy(&made.objects, bytes.data() + 16, 8);
  std::memcpy(&made.attributes, bytes.data() + 24, 8);
  return made;
}

}  // namespace

/// One attribute as a search asks for it.
struct WindowsSearch::Wanted {
  const WindowsAttribute* type = nullptr;
  bool ranged = false;
  std::size_t low = 0;
  std::optional<std::size_t> high;  ///< nothing = all that is left
};

// --- rootDSE ---

void WindowsSearch::answer_root(const WindowsRequest& request, std::string& out) {
  // MS-ADTS 3.1.1.3.2, rootDSE attributes.
  const std::string configuration = WindowsForest::dn_of(forest_.configuration());
  const std::string schema = WindowsForest::dn_of(forest_.schema());
  const std::string domain = WindowsForest::dn_of(*domain_.root);
  const std::string settings = WindowsForest::dn_of(*domain_.settings);
  const std::vector<std::pair<std::string, std::vector<std::string>>> shown{
      {"currentTime", {forest_.time_of(forest_.usn())}},
      {"subschemaSubentry", {"CN=Aggregate," + schema}},
      {"dsServiceName", {settings}},
      {"namingContexts", {domain, configuration, schema}},
      {"defaultNamingContext", {domain}},
      {"schemaNamingContext", {schema}},
      {"configurationNamingContext", {configuration}},
      {"rootDomainNamingContext", {WindowsForest::dn_of(*forest_.domains().front().root)}},
      {"supportedControl", windows_controls()},
      {"supportedLDAPVersion", {"3", "2"}},
      {"supportedLDAPPolicies", {"MaxPageSize", "MaxValRange"}},
      {"highestCommittedUSN", {std::to_string(forest_.usn())}},
      {"supportedSASLMechanisms", {"GSSAPI", "GSS-SPNEGO", "EXTERNAL", "DIGEST-MD5"}},
      {"dnsHostName", {"dc." + domain_.dns_name}},
      {"serverName", {settings.substr(settings.find(',') + 1)}},
      // Windows; its signing; 2003 and later; 2008 R2 and later.
      {"supportedCapabilities",
       {"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1791", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.2080"}},
      {"isSynchronized", {"TRUE"}},
      {"isGlobalCatalogReady", {"TRUE"}},
      {"domainControllerFunctionality", {"7"}},
  };
  const auto& asked = request.attributes;
  const bool all = asked.empty() || std::ranges::find(asked, "*") != asked.end();
  WindowsEntry entry(request.id, "", request.types_only);
  for (const auto& [name, held] : shown) {
    const bool wanted =
        all || std::ranges::any_of(asked, [&, &own = name](const auto& one) { return same_name(one, own); });
    if (!wanted) continue;
    entry.begin(name);
    for (const std::string& value : held) entry.value(value);
    entry.end();
  }
  out += entry.finish();
  put_result(out, request.id, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, {});
}

// --- what is searched ---

bool WindowsSearch::holds(const WindowsObject& context) const {
  return &context == domain_.root || &context == &forest_.configuration() || &context == &forest_.schema();
}

WindowsObject& WindowsSearch::base_of(const WindowsRequest& request, const WindowsViewer& viewer) {
  WindowsObject* found = forest_.find(request.name);
  WindowsObject* context = found != nullptr                ? found->context
                           : request.name.starts_with('<') ? nullptr
                                                           : forest_.context_of(request.name);
  if (!request.name.starts_with('<') && (context == nullptr || !holds(*context))) {
    // Elsewhere in the forest, or nowhere (MS-ADTS 3.1.1.3.1.1.4, referrals).
    const std::string url = context == nullptr ? "ldap://elsewhere.example" : forest_.domain_of(*context).url;
    throw WindowsRefusal(LDAP_REFERRAL, "0000202B: RefErr: DSID-03100000, data 0, 1 access points\n",
                         url + "/" + request.name);
  }
  if (found == nullptr || !holds(*context) || !visible(*found, request.controls, viewer)) {
    refuse(LDAP_NO_SUCH_OBJECT, "0000208D: NameErr: DSID-03100000, problem 2001 (NO_OBJECT), data 0, best match of:\n");
  }
  return *found;
}

/// Deleted objects show themselves to who asks for them and may list their container (MS-ADTS 3.1.1.3.4.1.14), recycled
/// ones to who asks for those (3.1.1.3.4.1.26). Where there is no recycle bin every one of them is "recycled" and seen
/// by the first control, as 3.1.1.5.5.1.1 has it.
bool WindowsSearch::visible(const WindowsObject& object, const WindowsControls& controls,
                            const WindowsViewer& viewer) const {
  if (object.deleted) {
    const bool bin = object.attributes.contains("msDS-LastKnownRDN");
    return controls.show_deleted && viewer.sees_deleted && (!object.recycled || !bin || controls.show_recycled);
  }
  const auto held = object.attributes.find("isDeleted");
  const bool bin_itself = held != object.attributes.end() && !held->second.values.empty();
  return !bin_itself || (controls.show_deleted && viewer.sees_deleted);
}

std::vector<WindowsObject*> WindowsSearch::candidates(const WindowsFilter& filter, WindowsObject& base, int scope) {
  std::vector<WindowsObject*> made;
  if (scope == LDAP_SCOPE_BASE) return {&base};
  if (scope == LDAP_SCOPE_ONELEVEL) {
    for (const auto& [key, child] : base.children) made.push_back(child);
    std::ranges::sort(made, {}, &WindowsObject::usn_created);
    return made;
  }
  // A real one has indexes too.
  using Kind = WindowsFilter::Kind;
  const auto by_guid = [](const WindowsFilter& one) {
    return one.kind == Kind::equal && same_name(one.attribute, "objectGUID");
  };
  if (filter.kind == Kind::any && std::ranges::all_of(filter.parts, by_guid)) {
    for (const WindowsFilter& one : filter.parts) {
      if (WindowsObject* found = forest_.find_guid(one.value)) made.push_back(found);
    }
    return made;
  }
  if (filter.kind == Kind::at_least && same_name(filter.attribute, "uSNChanged")) {
    const auto& all = forest_.by_usn();
    for (auto at = all.lower_bound(to_integer(filter.value).value_or(0)); at != all.end(); ++at) {
      made.push_back(at->second);
    }
    return made;
  }
  for (WindowsObject& one : forest_.objects()) made.push_back(&one);
  return made;
}

std::vector<WindowsObject*> WindowsSearch::matches(const WindowsRequest& request, const WindowsViewer& viewer,
                                                   WindowsObject& base) {
  std::vector<WindowsObject*> made;
  for (WindowsObject* one : candidates(request.filter, base, request.scope)) {
    if (one->context != base.context || !within(*one, base)) continue;
    if (!visible(*one, request.controls, viewer) || !test(request.filter, *one).value_or(false)) continue;
    made.push_back(one);
  }
  return made;
}

/// Three-valued, as RFC 4511, 4.5.1.7 has it: what the schema does not know is neither true nor false.
std::optional<bool> WindowsSearch::test(const WindowsFilter& filter, const WindowsObject& object) const {
  using Kind = WindowsFilter::Kind;
  if (filter.kind == Kind::all || filter.kind == Kind::any) {
    const bool decides = filter.kind == Kind::any;
    bool unknown = false;
    for (const WindowsFilter& part : filter.parts) {
      const auto result = test(part, object);
      if (result == decides) return decides;
      unknown = unknown || !result;
    }
    return unknown ? std::nullopt : std::optional(!decides);
  }
  if (filter.kind == Kind::none) {
    const auto result = test(filter.parts.front(), object);
    return result ? std::optional(!*result) : std::nullopt;
  }
  const WindowsAttribute* type = windows_attribute(filter.attribute);
  if (type == nullptr) return std::nullopt;
  if (type->name == "objectClass" && filter.kind == Kind::equal) return is_class(object, filter.value);
  if (type->name == "unicodePwd" || type->name == "userPassword") return false;
  if (type->constructed) refuse(LDAP_INAPPROPRIATE_MATCHING, "00002121: LdapErr: a constructed attribute in a filter");
  const std::vector<std::string> held = values(object, *type, {});
  const auto any = [&](const auto& fits) { return std::ranges::any_of(held, fits); };
  const auto number = [](const std::string& text) { return to_integer(text).value_or(0); };
  const std::int64_t wanted = number(filter.value);
  switch (filter.kind) {
    case Kind::present:
      return !held.empty();
    case Kind::equal:
      if (type->syntax == WindowsSyntax::name) {
        const WindowsObject* target = forest_.find(filter.value);
        return target != nullptr &&
               any([&](const std::string& one) { return same_name(one, WindowsForest::dn_of(*target)); });
      }
      return any([&](const std::string& one) {
        return type->syntax == WindowsSyntax::octets ? one == filter.value : same_name(one, filter.value);
      });
    case Kind::at_least:
      return any([&](const std::string& one) { return number(one) >= wanted; });
    case Kind::at_most:
      return any([&](const std::string& one) { return number(one) <= wanted; });
    case Kind::bits_and:
      return any([&](const std::string& one) { return (number(one) & wanted) == wanted; });
    default:
      return any([&](const std::string& one) { return (number(one) & wanted) != 0; });
  }
}

// --- what is shown ---

std::string WindowsSearch::name_of(const WindowsObject& object, const WindowsControls& controls) const {
  return controls.extended_dn ? WindowsForest::extended_dn_of(object, *controls.extended_dn == 1)
                              : WindowsForest::dn_of(object);
}

std::vector<std::string> WindowsSearch::values(const WindowsObject& object, const WindowsAttribute& type,
                                               const WindowsControls& controls) const {
  const std::string& name = type.name;
  if (same_name(name, object.rdn_type) || name == "name") return {object.rdn_value};
  if (name == "objectGUID") return {object.guid};
  if (name == "distinguishedName") return {name_of(object, controls)};
  if (name == "uSNChanged") return {std::to_string(object.usn_changed)};
  if (name == "uSNCreated") return {std::to_string(object.usn_created)};
  if (name == "whenCreated") return {forest_.time_of(object.usn_created)};
  if (name == "whenChanged") return {forest_.time_of(object.usn_changed)};
  if (name == "unicodePwd" || name == "userPassword") return {};
  if (name == "primaryGroupToken") {
    return is_class(object, "group") ? std::vector{std::to_string(relative_part(object.sid))}
                                     : std::vector<std::string>{};
  }
  if (name == "parentGUID") {
    return object.parent == nullptr ? std::vector<std::string>{} : std::vector{object.parent->guid};
  }
  std::vector<std::string> made;
  if (!type.partner.empty() && type.kept) {
    const auto holders = object.linked_by.find(type.partner);
    if (holders == object.linked_by.end() || object.deleted) return made;
    for (const WindowsObject* one : holders->second) {
      if (!one->deleted) made.push_back(name_of(*one, controls));
    }
    return made;
  }
  if (!type.partner.empty()) {
    const auto links = object.links.find(name);
    if (links == object.links.end()) return made;
    for (const WindowsObject* one : links->second.values) made.push_back(name_of(*one, controls));
    return made;
  }
  const auto held = object.attributes.find(name);
  return held == object.attributes.end() ? made : held->second.values;
}

/// Links in ranges (MS-ADTS 3.1.1.3.1.3.3): without being asked for where there are more than MaxValRange of them, with
/// the attribute itself beside it and empty; the last part ends in "*". Beyond the last value nothing can be asked for.
void WindowsSearch::put_links(WindowsEntry& entry, const WindowsObject& object, const WindowsAttribute& type,
                              const Wanted& wanted, const WindowsControls& controls) const {
  const auto links = object.links.find(type.name);
  static const std::vector<WindowsObject*> none;
  const auto& held = links == object.links.end() ? none : links->second.values;
  if (held.empty()) return;
  const bool ranged = wanted.ranged || held.size() > limits_.values;
  if (wanted.low >= held.size()) {
    refuse(LDAP_OPERATIONS_ERROR, "00002121: SvcErr: DSID-03140000, problem 5012 (DIR_ERROR), data 0\n");
  }
  std::size_t end = std::min(held.size(), wanted.low + limits_.values);
  if (wanted.high) end = std::min(end, *wanted.high + 1);
  if (ranged && !wanted.ranged) {
    entry.begin(type.name);
    entry.end();
  }
  const std::string last = end == held.size() ? "*" : std::to_string(end - 1);
  entry.begin(ranged ? fmt::format("{};range={}-{}", type.name, wanted.low, last) : type.name);
  for (std::size_t i = wanted.low; i < end; ++i) entry.value(name_of(*held[i], controls));
  entry.end();
}

void WindowsSearch::put_entry(const WindowsRequest& request, const WindowsObject& object, std::string& out) const {
  std::vector<Wanted> wanted;
  bool all = request.attributes.empty();
  for (const std::string& asked : request.attributes) {
    all = all || asked == "*";
    const std::string plain = asked.substr(0, asked.find(';'));
    Wanted one{windows_attribute(plain), false, 0, std::nullopt};
    if (one.type == nullptr) continue;
    const std::size_t range = fold_name(asked).find(";range=");
    if (range != std::string::npos) {
      const std::string bounds = asked.substr(range + 7);
      const std::size_t dash = bounds.find('-');
      const auto low = to_integer(bounds.substr(0, dash));
      const auto high = dash == std::string::npos ? std::nullopt : to_integer(bounds.substr(dash + 1));
      if (!low || *low < 0) refuse(LDAP_PROTOCOL_ERROR, "00000057: LdapErr: a range that is none");
      one.ranged = true;
      one.low = static_cast<std::size_t>(*low);
      if (high) one.high = static_cast<std::size_t>(*high);
    }
    wanted.push_back(one);
  }
  if (all) {
    for (const WindowsAttribute& type : windows_attributes()) {
      const bool named = std::ranges::any_of(wanted, [&](const Wanted& one) { return one.type == &type; });
      // A descriptor comes to who asks for it (MS-ADTS 3.1.1.3.4.1.11).
      const bool guarded = type.syntax == WindowsSyntax::descriptor && !request.controls.descriptor;
      if (!named && !type.constructed && !guarded) wanted.push_back({&type, false, 0, std::nullopt});
    }
  }
  WindowsEntry entry(request.id, name_of(object, request.controls), request.types_only);
  for (const Wanted& one : wanted) {
    if (!one.type->partner.empty() && !one.type->kept) {
      put_links(entry, object, *one.type, one, request.controls);
      continue;
    }
    const std::vector<std::string> held = values(object, *one.type, request.controls);
    if (held.empty()) continue;
    entry.begin(one.type->name);
    for (const std::string& value : held) entry.value(value);
    entry.end();
  }
  out += entry.finish();
}

/// What lies below the base in naming contexts of their own (MS-ADTS 3.1.1.3.1.1.4; LDAP_SERVER_DOMAIN_SCOPE_OID keeps
/// it away).
void WindowsSearch::put_references(const WindowsRequest& request, const WindowsObject& base, std::string& out) const {
  if (&base != domain_.root || request.scope != LDAP_SCOPE_SUBTREE || request.controls.domain_scope) return;
  const std::string name = "," + WindowsForest::dn_of(base);
  const std::string configuration = WindowsForest::dn_of(forest_.configuration());
  if (configuration.ends_with(name)) put_reference(out, request.id, domain_.url + "/" + configuration);
  for (const WindowsForest::Domain& other : forest_.domains()) {
    const std::string below = WindowsForest::dn_of(*other.root);
    if (below.ends_with(name)) put_reference(out, request.id, other.url + "/" + below);
  }
}

// --- the answer ---

void WindowsSearch::answer(const WindowsRequest& request, const WindowsViewer& viewer, std::string& out) {
  if (request.name.empty() && request.scope == LDAP_SCOPE_BASE) return answer_root(request, out);
  if (!viewer.bound) {
    // MS-ADTS 3.1.1.3.4.7 (dsHeuristics, fLDAPBlockAnonOps): anonymous reads end at the rootDSE.
    refuse(LDAP_OPERATIONS_ERROR,
           "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be "
           "completed on the connection., data 0, v4563");
  }
  WindowsObject& base = base_of(request, viewer);
  if (base.children.empty() && base.rdn_value == "Aggregate" && base.context == &forest_.schema()) {
    WindowsEntry entry(request.id, WindowsForest::dn_of(base), false);
    const std::vector<std::pair<std::string, std::vector<std::string>>> shown{
        {"objectClass", {"top", "subSchema"}},
        {"attributeTypes", windows_attribute_types()},
        {"objectClasses", windows_object_classes()}};
    for (const auto& [name, held] : shown) {
      entry.begin(name);
      for (const std::string& value : held) entry.value(value);
      entry.end();
    }
    out += entry.finish();
    return put_result(out, request.id, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, {});
  }
  if (request.controls.dirsync) return answer_dirsync(request, viewer, base, out);

  const auto& page = request.controls.page;
  Page now;
  // A cookie goes on with the same search on the same connection (RFC 2696; learn.microsoft.com, "How LDAP Server
  // Cookies Are Handled").
  const std::string same = fmt::format("{} {} {}", base.guid, request.scope, fmt::join(request.attributes, ","));
  if (page && !page->cookie.empty()) {
    const auto known = pages_.find(page->cookie);
    if (known == pages_.end() || known->second.request != same) {
      refuse_control(LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "00000057");
    }
    now = std::move(known->second);
    pages_.erase(known);
  } else {
    now = {matches(request, viewer, base), 0, same};
  }
  std::size_t most = limits_.page_size;
  if (page) most = std::min(most, static_cast<std::size_t>(std::max(page->size, 0)));
  if (request.size_limit > 0) most = std::min(most, static_cast<std::size_t>(request.size_limit));
  for (std::size_t sent = 0; sent < most && now.next < now.left.size(); ++now.next) {
    const WindowsObject& object = *now.left[now.next];
    if (!visible(object, request.controls, viewer)) continue;  // deleted between two pages
    put_entry(request, object, out);
    ++sent;
  }
  const bool finished = now.next == now.left.size();
  if (finished) put_references(request, base, out);
  const bool cut =
      !finished && (!page || (request.size_limit > 0 && most == static_cast<std::size_t>(request.size_limit)));
  if (cut) return put_result(out, request.id, LDAP_RES_SEARCH_RESULT, LDAP_SIZELIMIT_EXCEEDED, "");
  std::vector<WindowsAnswer> controls;
  if (page) {
    std::string cookie;
    if (!finished) {
      cookie = random_guid();
      pages_[cookie] = std::move(now);
    }
    controls.push_back({"1.2.840.113556.1.4.319", page_value(0, cookie)});
  }
  put_result(out, request.id, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, {}, {}, controls);
}

// --- DirSync (MS-ADTS 3.1.1.3.4.1.3) ---

void WindowsSearch::answer_dirsync(const WindowsRequest& request, const WindowsViewer& viewer, WindowsObject& base,
                                   std::string& out) {
  const WindowsControls::DirSync& asked = *request.controls.dirsync;
  // The whole of a naming context, or nothing.
  if (base.parent != nullptr || request.scope != LDAP_SCOPE_SUBTREE) {
    refuse_control(LDAP_UNWILLING_TO_PERFORM, "00002130");
  }
  const bool by_right = (asked.flags & k_object_security) == 0;
  if (by_right && !viewer.replicates) refuse_control(LDAP_INSUFFICIENT_ACCESS, "00002105");
  const std::string invocation = domain_.settings->attributes.at("invocationId").values.front();
  Cookie cookie{invocation, 0, 0};
  if (!asked.cookie.empty()) {
    const auto read = read_cookie(asked.cookie);
    if (!read) refuse_control(LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "00000057");
    // Numbers of another controller, or of this one before it was restored, say nothing here: all is told again
    // (MS-DRSR 5.115.1).
    if (read->invocation == invocation) cookie = *read;
  }
  WindowsViewer eyes = viewer;
  eyes.sees_deleted = viewer.sees_deleted || by_right;
  WindowsControls all_seen = request.controls;
  all_seen.show_deleted = all_seen.show_recycled = true;
  const std::size_t most_bytes = std::max<std::size_t>(1, static_cast<std::size_t>(std::max(asked.most_bytes, 0)));
  const std::size_t begun_at = out.size();
  std::set<const WindowsObject*> told;
  std::size_t entries = 0;
  std::size_t looks = 0;
  bool more = false;
  const std::int64_t since = cookie.attributes;
  const auto tell = [&](const WindowsObject& object) {
    if (!told.insert(&object).second || !test(request.filter, object).value_or(false)) return;
    if (put_changes(request, object, since, out)) ++entries;
  };
  const auto& stream = forest_.by_usn();
  for (auto at = stream.upper_bound(cookie.objects); at != stream.end(); ++at) {
    if (out.size() - begun_at >= most_bytes || entries >= limits_.part_objects || looks >= limits_.part_looks) {
      more = true;
      break;
    }
    ++looks;
    const WindowsObject& object = *at->second;
    cookie.objects = at->first;
    if (object.context != &base || !visible(object, all_seen, eyes)) continue;
    if ((asked.flags & k_ancestors_first) != 0) {
      std::vector<const WindowsObject*> line;
      for (const WindowsObject* up = object.parent; up != nullptr; up = up->parent) line.insert(line.begin(), up);
      for (const WindowsObject* up : line) {
        if (up->usn_changed > cookie.objects) tell(*up);
      }
    }
    tell(object);
  }
  if (!more) {
    cookie.objects = forest_.usn();
    cookie.attributes = cookie.objects;
  }
  put_result(out, request.id, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, {}, {},
             {{"1.2.840.113556.1.4.841", dirsync_value(more, write_cookie(cookie))}});
}

/// What of the object has changed since, as far as it is asked for; nothing of it when that is nothing. Cleared
/// attributes come without values. The name comes as `name`, never as cn or ou; links as what came ("range=1-1") and
/// what went ("range=0-0") where that is asked for.
bool WindowsSearch::put_changes(const WindowsRequest& request, const WindowsObject& object, std::int64_t since,
                                std::string& out) const {
  const auto& asked = request.attributes;
  const bool all = asked.empty() || std::ranges::find(asked, "*") != asked.end();
  const auto wants = [&](std::string_view name) {
    return all || std::ranges::any_of(asked, [&](const auto& one) { return same_name(one, name); });
  };
  const bool incremental = (request.controls.dirsync->flags & k_incremental_values) != 0;
  WindowsEntry entry(request.id, name_of(object, request.controls), request.types_only);
  bool changed = false;
  const auto put = [&](const std::string& name, const std::vector<std::string>& held) {
    changed = true;
    entry.begin(name);
    for (const std::string& value : held) entry.value(value);
    entry.end();
  };
  if (object.usn_named > since) {
    if (wants("name")) put("name", {object.rdn_value});
    if (wants("parentGUID") && object.parent != nullptr) put("parentGUID", {object.parent->guid});
  }
  for (const auto& [name, held] : object.attributes) {
    const WindowsAttribute* type = windows_attribute(name);
    if (held.usn <= since || type->local || name == "instanceType" || !wants(name)) continue;
    if (object.usn_created > since && held.values.empty()) continue;
    if (name == "nTSecurityDescriptor" && !request.controls.descriptor && !all) continue;
    put(name, held.values);
  }
  if (object.usn_created > since && wants("whenCreated")) put("whenCreated", {forest_.time_of(object.usn_created)});
  for (const auto& [name, links] : object.links) {
    if (!wants(name) || (object.deleted && !object.recycled)) continue;
    std::vector<std::string> came;
    std::vector<std::string> went;
    for (auto at = links.history.upper_bound(since); at != links.history.end(); ++at) {
      const auto& [target, present] = at->second;
      if (!target->deleted) (present ? came : went).push_back(name_of(*target, request.controls));
    }
    if (came.empty() && went.empty()) continue;
    if (!incremental) {
      changed = true;
      put_links(entry, object, *windows_attribute(name), {windows_attribute(name), false, 0, std::nullopt},
                request.controls);
      if (links.values.empty()) put(name, {});
      continue;
    }
    if (!came.empty()) put(name + ";range=1-1", came);
    if (!went.empty()) put(name + ";range=0-0", went);
  }
  if (!changed) return false;
  // These two come with everything.
  put("objectGUID", {object.guid});
  put("instanceType", values(object, *windows_attribute("instanceType"), {}));
  out += entry.finish();
  return true;
}

}  // namespace linkspan::testkit
