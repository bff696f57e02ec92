// Any bytes in place of what Graph or its sign-in sends are read or refused; nothing is read beyond them, nothing but
// an Error thrown, and what comes out is safe to put in a path.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "connector_graph/internal/graph_import.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/sign_in.h"
#include "connector_graph/internal/upload_log.h"

namespace {

using namespace linkspan;
using namespace linkspan::connector_graph;

template <class Deed>
void attempt(const Deed& deed) {
  try {
    deed();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ObjectType user = object_type("user", {{"extension_0_x", model::ValueKind::binary, true, {"User"}}});
  static const ObjectType group = object_type("group", {});
  static Reader reader;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const ObjectType* type : {&user, &group}) {
    attempt([&] {
      for (const Item& item : reader.page(text, *type).items) {
        if (!is_object_id(item.entry.anchor)) std::abort();
        for (const LinkChange& change : item.links) {
          if (!is_object_id(change.reference.target)) std::abort();
        }
      }
    });
    attempt([&] { (void)reader.object(text, *type); });
  }
  attempt([&] { (void)reader.links(text); });
  attempt([&] { (void)reader.extensions(text); });
  attempt([&] { (void)reader.log(text); });
  attempt([&] { (void)reader.batch(text); });
  attempt([&] { (void)reader.complaint(text); });
  attempt([&] { (void)reader.id(text); });
  attempt([&] { (void)parse_watermark(text, "f", Time{}); });
  attempt([&] { (void)parse_log_watermark({}, text); });
  net::Response response;
  response.status = size % 2 == 0 ? 200 : 400;
  response.body = text;
  attempt([&] { (void)token_in(response, Time{}, "fuzz"); });
  attempt([&] { (void)oauth_error_of(response); });
  return 0;
}
