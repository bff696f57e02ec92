// Functions of X.509 certificates: DER bytes, or Base64 of them.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "base/text.h"
#include "rules/internal/certificate.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"

namespace linkspan::rules {
namespace {

using Which = Certificate::Name;

std::optional<Certificate> read(const Datum& datum) {
  if (datum.type == Type::binary) return Certificate::read(datum.text());
  if (!datum.is_textual()) return std::nullopt;
  std::string clean;
  std::copy_if(datum.text().begin(), datum.text().end(), std::back_inserter(clean),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  const std::optional<std::string> der = from_base64(clean);
  return der ? Certificate::read(*der) : std::nullopt;
}

Certificate certificate_of(const Datum& datum) {
  std::optional<Certificate> certificate = read(datum);
  if (!certificate) Evaluation::fail("this is no certificate (DER, or Base64 of it)");
  return std::move(*certificate);
}

Datum kept(Evaluation& e, std::string_view text) { return Datum::of(e.arena().keep(text)); }

template <std::string (Certificate::*Part)() const>
Datum part(Evaluation& e, const Datum* a, std::size_t) {
  return kept(e, (certificate_of(a[0]).*Part)());
}

template <std::string (Certificate::*Part)(Which) const, Which which>
Datum name_part(Evaluation& e, const Datum* a, std::size_t) {
  return kept(e, (certificate_of(a[0]).*Part)(which));
}

template <std::optional<Time> (Certificate::*Part)() const>
Datum time_part(Evaluation&, const Datum* a, std::size_t) {
  const std::optional<Time> time = (certificate_of(a[0]).*Part)();
  if (!time) Evaluation::fail("the certificate has no such time");
  return Datum::of(*time);
}

Datum call_format(Evaluation&, const Datum* a, std::size_t) {
  (void)certificate_of(a[0]);
  return Datum::of(std::string_view("X509"));
}

Datum call_name_info(Evaluation& e, const Datum* a, std::size_t) {
  const bool issuer = !a[2].is_null() && a[2].number != 0;
  const auto found = certificate_of(a[0]).name_info(a[1].text(), issuer ? Which::issuer : Which::subject);
  return kept(e, found.value_or(std::string()));
}

Datum call_extension_oids(Evaluation& e, const Datum* a, std::size_t) {
  const std::vector<std::string> oids = certificate_of(a[0]).critical_extensions();
  Datum* items = e.arena().data(oids.size());
  std::transform(oids.begin(), oids.end(), items, [&](const std::string& oid) { return kept(e, oid); });
  return Evaluation::list(items, oids.size());
}

Datum call_is_cert(Evaluation&, const Datum* a, std::size_t) { return Datum::of(read(a[0]).has_value()); }

Datum call_thumbprint(Evaluation& e, const Datum* a, std::size_t) { return kept(e, sha1_text(a[0].text())); }

/// One row: what all of these have in common is written once.
constexpr Function row(std::string_view name, std::string_view signature, std::string_view description, TypeSet result,
                       Function::Call call) {
  return {name, signature, description, {Parameter::encoded}, 1, 1, result, true, call};
}

using C = Certificate;

const std::array<Function, 23> k_functions{{
    {"CertExtensionOids",
     "CertExtensionOids(certificate)",
     "The OIDs of its critical extensions.",
     {Parameter::encoded},
     1,
     1,
     k_null | k_text | k_list,
     true,
     call_extension_oids},
    row("CertFormat", "CertFormat(certificate)", "The name of its format: X509.", k_text, call_format),
    row("CertFriendlyName", "CertFriendlyName(certificate)",
        "Its alias; a certificate as directories keep it has none, which gives empty text.", k_text, part<&C::alias>),
    row("CertHashString", "CertHashString(certificate)", "Its SHA-1 in hexadecimal.", k_text, part<&C::fingerprint>),
    row("CertIssuer", "CertIssuer(certificate)", "The distinguished name of its issuer.", k_text,
        name_part<&C::name, Which::issuer>),
    row("CertIssuerDN", "CertIssuerDN(certificate)", "The distinguished name of its issuer.", k_text,
        name_part<&C::name, Which::issuer>),
    row("CertIssuerOid", "CertIssuerOid(certificate)", "The OID of the leading attribute of its issuer's name.", k_text,
        name_part<&C::name_oid, Which::issuer>),
    row("CertKeyAlgorithm", "CertKeyAlgorithm(certificate)", "The OID of its key's algorithm.", k_text,
        part<&C::key_oid>),
    row("CertKeyAlgorithmParams", "CertKeyAlgorithmParams(certificate)",
        "The parameters of its key's algorithm: their DER in hexadecimal.", k_text, part<&C::key_parameters>),
    {"CertNameInfo",
     "CertNameInfo(certificate, kind, issuer)",
     "A name of its subject, or of its issuer where the last argument is True; kind is SimpleName, EmailName, UpnName, "
     "DnsName, DnsFromAlternativeName or UrlName.",
     {Parameter::encoded, Parameter::option, Parameter::boolean},
     3,
     3,
     k_text,
     true,
     call_name_info,
     k_name_kinds},
    row("CertNotAfter", "CertNotAfter(certificate)", "The time after which it is no longer valid, in UTC.", k_time,
        time_part<&C::not_after>),
    row("CertNotBefore", "CertNotBefore(certificate)", "The time from which it is valid, in UTC.", k_time,
        time_part<&C::not_before>),
    row("CertPublicKeyOid", "CertPublicKeyOid(certificate)", "The OID of its public key.", k_text, part<&C::key_oid>),
    row("CertPublicKeyParametersOid", "CertPublicKeyParametersOid(certificate)",
        "The OID under which its public key's parameters stand.", k_text, part<&C::key_oid>),
    row("CertSerialNumber", "CertSerialNumber(certificate)", "Its serial number in hexadecimal.", k_text,
        part<&C::serial_number>),
    row("CertSignatureAlgorithmOid", "CertSignatureAlgorithmOid(certificate)",
        "The OID of the algorithm that signed it.", k_text, part<&C::signature_oid>),
    row("CertSubject", "CertSubject(certificate)", "The distinguished name of its subject.", k_text,
        name_part<&C::name, Which::subject>),
    row("CertSubjectNameDN", "CertSubjectNameDN(certificate)", "The distinguished name of its subject.", k_text,
        name_part<&C::name, Which::subject>),
    row("CertSubjectNameOid", "CertSubjectNameOid(certificate)",
        "The OID of the leading attribute of its subject's name.", k_text, name_part<&C::name_oid, Which::subject>),
    row("CertThumbprint", "CertThumbprint(certificate)", "Its SHA-1 in hexadecimal.", k_text, part<&C::fingerprint>),
    row("CertVersion", "CertVersion(certificate)", "The version of its X.509 format.", k_text, part<&C::version>),
    {"IsCert",
     "IsCert(value)",
     "Whether it is a certificate.",
     {Parameter::encoded},
     1,
     1,
     k_boolean,
     false,
     call_is_cert},
    {"Thumbprint",
     "Thumbprint(bytes)",
     "The SHA-1 of any bytes in hexadecimal.",
     {Parameter::binary},
     1,
     1,
     k_text,
     true,
     call_thumbprint},
}};

}  // namespace

std::span<const Function> certificate_functions() { return k_functions; }

}  // namespace linkspan::rules
