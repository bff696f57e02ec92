#include "rules/internal/certificate.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "base/text.h"

namespace linkspan::rules {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
void free_bytes(unsigned char* bytes) { OPENSSL_free(bytes); }
using X509Pointer = std::unique_ptr<X509, Freed<X509_free>>;
using Bytes = std::unique_ptr<unsigned char, Freed<free_bytes>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

std::string oid_text(const ASN1_OBJECT* object) {
  std::array<char, 128> buffer{};
  const int length = OBJ_obj2txt(buffer.data(), static_cast<int>(buffer.size()), object, 1);
  if (length <= 0) return {};
  return {buffer.data(), std::min(static_cast<std::size_t>(length), buffer.size() - 1)};
}

std::string upper_hex(std::string_view bytes) { return to_upper(to_hex(bytes)); }

std::string utf8_of(const ASN1_STRING* string) {
  unsigned char* raw = nullptr;
  const int length = ASN1_STRING_to_UTF8(&raw, string);
  if (length < 0) return {};
  const Bytes bytes(raw);
  std::string out(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
  return is_utf8(out) ? out : std::string();
}

std::string ascii_of(const ASN1_STRING* string) {
  std::string out(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                  static_cast<std::size_t>(ASN1_STRING_length(string)));
  return is_utf8(out) ? out : std::string();
}

/// The short names .NET prints; others are written OID.1.2.3.
std::string key_of(const ASN1_OBJECT* object) {
  constexpr std::array<std::pair<int, std::string_view>, 15> k_keys{{{NID_commonName, "CN"},
                                                                     {NID_organizationalUnitName, "OU"},
                                                                     {NID_organizationName, "O"},
                                                                     {NID_countryName, "C"},
                                                                     {NID_localityName, "L"},
                                                                     {NID_stateOrProvinceName, "S"},
                                                                     {NID_streetAddress, "STREET"},
                                                                     {NID_title, "T"},
                                                                     {NID_givenName, "G"},
                                                                     {NID_initials, "I"},
                                                                     {NID_surname, "SN"},
                                                                     {NID_domainComponent, "DC"},
                                                                     {NID_pkcs9_emailAddress, "E"},
                                                                     {NID_serialNumber, "SERIALNUMBER"},
                                                                     {NID_description, "Description"}}};
  const int nid = OBJ_obj2nid(object);
  const auto* found = std::find_if(k_keys.begin(), k_keys.end(), [&](const auto& pair) { return pair.first == nid; });
  if (found != k_keys.end()) return std::string(found->second);
  return "OID." + oid_text(object);
}

std::string quoted(const std::string& value) {
  const bool plain = !value.empty() && value.front() != ' ' && value.back() != ' ' &&
                     value.find_first_of(",+=\"\n<>#;") == std::string::npos;
  if (plain) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string name_text(const X509_NAME* name) {
  std::string out;
  int set = -1;
  for (int i = X509_NAME_entry_count(name) - 1; i >= 0; --i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    if (!out.empty()) out += X509_NAME_ENTRY_set(entry) == set ? " + " : ", ";
    set = X509_NAME_ENTRY_set(entry);
    out += key_of(X509_NAME_ENTRY_get_object(entry)) + "=" + quoted(utf8_of(X509_NAME_ENTRY_get_data(entry)));
  }
  return out;
}

std::optional<std::string> part_of(const X509_NAME* name, int nid) {
  int last = -1;
  for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(name, nid, at))
    last = at;
  if (last < 0) return std::nullopt;
  return utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
}

/// The first alternative name of one kind; for other names: the user principal name.
std::optional<std::string> alternative(const GENERAL_NAMES* names, int kind) {
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    if (type != kind) continue;
    if (type != GEN_OTHERNAME) return ascii_of(static_cast<const ASN1_STRING*>(value));
    const auto* other = static_cast<const OTHERNAME*>(value);
    if (OBJ_obj2nid(other->type_id) == NID_ms_upn && other->value->type == V_ASN1_UTF8STRING)
      return utf8_of(other->value->value.utf8string);
  }
  return std::nullopt;
}

std::optional<Time> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{parts.tm_year + 1900},
                                         std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
                                         std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{parts.tm_hour} + std::chrono::minutes{parts.tm_min} +
         std::chrono::seconds{parts.tm_sec};
}

}  // namespace

struct Certificate::State {
  X509Pointer x509;
  std::string der;

  [[nodiscard]] const X509_NAME* name(Name which) const {
    return which == Name::subject ? X509_get_subject_name(x509.get()) : X509_get_issuer_name(x509.get());
  }
  /// nullptr when there are none.
  [[nodiscard]] Names alternatives(Name which) const {
    const int nid = which == Name::subject ? NID_subject_alt_name : NID_issuer_alt_name;
    return Names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509.get(), nid, nullptr, nullptr)));
  }
};

Certificate::Certificate(std::unique_ptr<State> state) : state_(std::move(state)) {}
Certificate::~Certificate() = default;
Certificate::Certificate(Certificate&&) noexcept = default;
Certificate& Certificate::operator=(Certificate&&) noexcept = default;

std::optional<Certificate> Certificate::read(std::string_view der) {
  constexpr std::size_t k_largest = 1024UL * 1024;
  if (der.empty() || der.size() > k_largest) return std::nullopt;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  X509Pointer x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();  // whoever uses OpenSSL next on this thread must not find our mistakes
  if (x509 == nullptr || at != end) return std::nullopt;
  auto state = std::make_unique<State>();
  state->x509 = std::move(x509);
  state->der = std::string(der);
  return Certificate(std::move(state));
}

std::string Certificate::name(Name which) const { return name_text(state_->name(which)); }

std::string Certificate::name_oid(Name which) const {
  const X509_NAME* name = state_->name(which);
  const int count = X509_NAME_entry_count(name);
  return count == 0 ? std::string() : oid_text(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, count - 1)));
}

std::optional<std::string> Certificate::name_info(std::string_view kind, Name which) const {
  const X509_NAME* name = state_->name(which);
  const Names names = state_->alternatives(which);
  ERR_clear_error();
  if (kind == "EmailName") {
    const auto email = alternative(names.get(), GEN_EMAIL);
    return email ? email : part_of(name, NID_pkcs9_emailAddress);
  }
  if (kind == "UpnName") return alternative(names.get(), GEN_OTHERNAME);
  if (kind == "UrlName") return alternative(names.get(), GEN_URI);
  if (kind == "DnsFromAlternativeName") return alternative(names.get(), GEN_DNS);
  if (kind == "DnsName") {
    const auto dns = alternative(names.get(), GEN_DNS);
    return dns ? dns : part_of(name, NID_commonName);
  }
  for (const int nid : {NID_commonName, NID_organizationalUnitName, NID_organizationName, NID_pkcs9_emailAddress}) {
    if (auto part = part_of(name, nid)) return part;
  }
  for (const int type : {GEN_EMAIL, GEN_DNS, GEN_OTHERNAME, GEN_URI}) {
    if (auto found = alternative(names.get(), type)) return found;
  }
  return std::nullopt;
}

std::optional<Time> Certificate::not_before() const { return time_of(X509_get0_notBefore(state_->x509.get())); }
std::optional<Time> Certificate::not_after() const { return time_of(X509_get0_notAfter(state_->x509.get())); }

std::string Certificate::serial_number() const {
  // The content octets as they stand, sign octet included, as .NET shows them.
  const ASN1_INTEGER* serial = X509_get0_serialNumber(state_->x509.get());
  unsigned char* raw = nullptr;
  const int length = i2d_ASN1_INTEGER(serial, &raw);
  if (length < 3) return {};
  const Bytes bytes(raw);
  // Serial numbers are shorter than 128 bytes in any certificate that OpenSSL reads as one; tag and length are two.
  const std::string_view der(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
  return upper_hex(der.substr((static_cast<unsigned char>(der[1]) & 0x80U) == 0 ? 2 : 3));
}

std::string Certificate::version() const { return std::to_string(X509_get_version(state_->x509.get()) + 1); }

std::string Certificate::signature_oid() const {
  const X509_ALGOR* algorithm = X509_get0_tbs_sigalg(state_->x509.get());
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return oid_text(object);
}

std::string Certificate::key_oid() const {
  ASN1_OBJECT* object = nullptr;
  X509_PUBKEY_get0_param(&object, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(state_->x509.get()));
  return oid_text(object);
}

std::string Certificate::key_parameters() const {
  X509_ALGOR* algorithm = nullptr;
  X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm, X509_get_X509_PUBKEY(state_->x509.get()));
  if (algorithm == nullptr || algorithm->parameter == nullptr) return {};
  unsigned char* raw = nullptr;
  const int length = i2d_ASN1_TYPE(algorithm->parameter, &raw);
  if (length <= 0) return {};
  const Bytes bytes(raw);
  return upper_hex({reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length)});
}

std::string Certificate::fingerprint() const { return sha1_text(state_->der); }

std::string Certificate::alias() const {
  int length = 0;
  const unsigned char* alias = X509_alias_get0(state_->x509.get(), &length);
  if (alias == nullptr || length <= 0) return {};
  return {reinterpret_cast<const char*>(alias), static_cast<std::size_t>(length)};
}

std::vector<std::string> Certificate::critical_extensions() const {
  std::vector<std::string> out;
  for (int i = 0; i < X509_get_ext_count(state_->x509.get()); ++i) {
    X509_EXTENSION* extension = X509_get_ext(state_->x509.get(), i);
    if (X509_EXTENSION_get_critical(extension) != 0) out.push_back(oid_text(X509_EXTENSION_get_object(extension)));
  }
  return out;
}

std::string sha1_text(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1) return {};
  return upper_hex({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace linkspan::rules
