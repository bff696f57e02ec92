#include "connector_file/internal/entry_hashes.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <span>

#include "base/hash.h"

namespace linkspan::connector_file {

namespace {

using Hash = std::array<char, EntryHashes::k_size>;
static_assert(sizeof(Hash) == EntryHashes::k_size && alignof(Hash) == 1);

bool less(const Hash& left, const Hash& right) { return std::memcmp(left.data(), right.data(), left.size()) < 0; }

void put(std::string& out, std::string_view bytes) {
  const std::uint64_t size = bytes.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += bytes;
}

void put(std::string& out, model::Values values) {
  model::canonicalize(values);
  for (const model::Value& value : values) {
    out += static_cast<char>('0' + value.index());
    if (const auto* binary = std::get_if<model::Binary>(&value)) {
      put(out, binary->bytes);
    } else {
      put(out, model::to_text(value));
    }
  }
}

}  // namespace

std::string hash_of(const model::Entry& entry) {
  std::string text;
  put(text, entry.anchor);
  put(text, entry.dn);
  put(text, entry.object_type);
  std::vector<const std::pair<std::string, model::Values>*> attributes;
  for (const auto& attribute : entry.attributes) attributes.push_back(&attribute);
  std::ranges::sort(attributes, {}, [](const auto* attribute) -> const std::string& { return attribute->first; });
  for (const auto* attribute : attributes) {
    put(text, attribute->first);
    put(text, attribute->second);
  }
  std::vector<model::NamedReference> references = entry.references;
  std::ranges::sort(references);
  for (const model::NamedReference& reference : references) {
    text += 'r';
    put(text, reference.attribute);
    put(text, reference.target);
  }
  return hash128(text);
}

EntryHashes::EntryHashes(std::string_view bytes) : bytes_(bytes) { assert(bytes_.size() % k_size == 0); }

void EntryHashes::sort() {
  // In place: the list of a million is 16 MB, and a copy of it another.
  const std::span<Hash> hashes(reinterpret_cast<Hash*>(bytes_.data()), bytes_.size() / k_size);
  std::ranges::sort(hashes, less);
}

bool EntryHashes::contains(std::string_view hash) const {
  assert(hash.size() == k_size);
  Hash wanted{};
  std::memcpy(wanted.data(), hash.data(), wanted.size());
  const std::span<const Hash> hashes(reinterpret_cast<const Hash*>(bytes_.data()), bytes_.size() / k_size);
  return std::ranges::binary_search(hashes, wanted, less);
}

}  // namespace linkspan::connector_file
