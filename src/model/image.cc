#include "model/image.h"

#include <algorithm>
#include <type_traits>

#include "base/error.h"
#include "base/hash.h"

namespace linkspan::model {
namespace {

constexpr std::uint8_t k_unchecked = 1;  ///< of earlier versions of the program: without a checksum
constexpr std::uint8_t k_version = 2;
constexpr std::size_t k_check_bytes = 4;

// What follows the name of an attribute:
constexpr std::uint8_t k_values = 0;
constexpr std::uint8_t k_references = 1;
constexpr std::uint8_t k_derived_references = 2;  ///< each with how it is derived

bool is_plain(const ReferenceSource& source) { return source.referenced_by == 0 && !source.flatten; }

std::uint32_t check_of(std::string_view content) { return static_cast<std::uint32_t>(hash64(content)); }

bool by_name(const ImageAttribute& attribute, NameId name) { return attribute.name < name; }

class Writer {
 public:
  explicit Writer(std::size_t expected) { out_.reserve(expected); }
  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }
  void value(const Value& value) {
    byte(static_cast<std::uint8_t>(value.index()));
    std::visit(
        [this](const auto& held) {
          using Held = std::decay_t<decltype(held)>;
          if constexpr (std::is_same_v<Held, std::string>) bytes(held);
          if constexpr (std::is_same_v<Held, Binary>) bytes(held.bytes);
          if constexpr (std::is_same_v<Held, std::int64_t>) zigzag(held);
          if constexpr (std::is_same_v<Held, bool>) byte(held ? 1 : 0);
          if constexpr (std::is_same_v<Held, Time>) zigzag(held.time_since_epoch().count());
        },
        value);
  }
  /// What every value stored begins with; take() fills the checksum in.
  void head() {
    byte(k_version);
    out_.append(k_check_bytes, '\0');
  }
  std::string take() {
    const std::uint32_t check = check_of(std::string_view(out_).substr(1 + k_check_bytes));
    for (std::size_t i = 0; i < k_check_bytes; ++i) out_[1 + i] = static_cast<char>(check >> (8 * i));
    return std::move(out_);
  }

 private:
  std::string out_;
};

[[noreturn]] void broken(const char* what) {
  throw Error(Fault::corrupt, "model.image", std::string("a stored image is broken: ") + what,
              "Run `linkspan database verify`, and restore from a backup or import again.");
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  /// Before a word of it is believed: is it what was written?
  void head() {
    const std::uint8_t version = byte();
    if (version == k_unchecked) return;
    if (version != k_version) broken("it is of an unknown version");
    std::uint32_t check = 0;
    for (std::size_t i = 0; i < k_check_bytes; ++i) check |= static_cast<std::uint32_t>(byte()) << (8 * i);
    if (check != check_of(rest_)) broken("its checksum does not fit");
  }
  std::uint8_t byte() {
    if (rest_.empty()) broken("it ends too early");
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      if (shift == 63 && next > 1) broken("a number is too large");
      value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
      if ((next & 0x80) == 0) return value;
    }
    broken("a number is too long");
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  /// A count of things that take at least one byte each: bounds every reserve().
  std::size_t count() {
    const std::uint64_t value = varint();
    if (value > rest_.size()) broken("a count is larger than what follows");
    return static_cast<std::size_t>(value);
  }
  std::string_view bytes() {
    const std::size_t length = count();
    const std::string_view value = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return value;
  }
  NameId name() {
    const std::uint64_t value = varint();
    if (value == 0 || value > 0xFFFFFFFFU) broken("a name is out of range");
    return static_cast<NameId>(value);
  }
  NameId name_or_none() {
    const std::uint64_t value = varint();
    if (value > 0xFFFFFFFFU) broken("a name is out of range");
    return static_cast<NameId>(value);
  }
  Value value() {
    switch (byte()) {
      case 0:
        return std::string(bytes());
      case 1:
        return Binary{std::string(bytes())};
      case 2:
        return zigzag();
      case 3: {
        const std::uint8_t flag = byte();
        if (flag > 1) broken("a boolean is neither true nor false");
        return flag == 1;
      }
      case 4:
        return Time{std::chrono::microseconds{zigzag()}};
      default:
        broken("a value is of an unknown kind");
    }
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

const ImageAttribute* Image::find(NameId name) const {
  const auto found = std::lower_bound(attributes_.begin(), attributes_.end(), name, by_name);
  return found != attributes_.end() && found->name == name ? &*found : nullptr;
}

ImageAttribute& Image::slot(NameId name) {
  auto found = std::lower_bound(attributes_.begin(), attributes_.end(), name, by_name);
  if (found == attributes_.end() || found->name != name)
    found = attributes_.insert(found, ImageAttribute{name, {}, {}});
  return *found;
}

void Image::set(NameId name, Values values) {
  canonicalize(values);
  ImageAttribute& attribute = slot(name);
  attribute.values = std::move(values);
  attribute.references.clear();
}

void Image::set_references(NameId name, std::vector<ReferenceSource> references) {
  std::sort(references.begin(), references.end());
  references.erase(std::unique(references.begin(), references.end()), references.end());
  ImageAttribute& attribute = slot(name);
  attribute.values.clear();
  attribute.references = std::move(references);
}

void Image::erase(NameId name) {
  const auto found = std::lower_bound(attributes_.begin(), attributes_.end(), name, by_name);
  if (found != attributes_.end() && found->name == name) attributes_.erase(found);
}

Image Image::from_sorted(std::vector<ImageAttribute> attributes) {
  Image image;
  image.attributes_ = std::move(attributes);
  return image;
}

std::string encode(const Image& image) {
  std::size_t expected = 20;
  for (const ImageAttribute& attribute : image.attributes()) {
    expected += 8 + attribute.references.size() * 12;
    for (const Value& value : attribute.values) {
      const auto* text = std::get_if<std::string>(&value);
      expected += text != nullptr ? text->size() + 4 : 12;
    }
  }
  Writer writer(expected);
  writer.head();
  writer.varint(image.attributes().size());
  for (const ImageAttribute& attribute : image.attributes()) {
    writer.varint(attribute.name);
    if (!attribute.references.empty()) {
      const bool plain = std::all_of(attribute.references.begin(), attribute.references.end(), is_plain);
      writer.byte(plain ? k_references : k_derived_references);
      writer.varint(attribute.references.size());
      for (const ReferenceSource& source : attribute.references) {
        writer.varint(static_cast<std::uint64_t>(source.object.value));
        writer.varint(source.attribute);
        writer.varint(static_cast<std::uint64_t>(source.count));
        if (plain) continue;
        writer.varint(source.referenced_by);
        writer.byte(source.flatten ? 1 : 0);
      }
      continue;
    }
    writer.byte(k_values);
    writer.varint(attribute.values.size());
    for (const Value& value : attribute.values) writer.value(value);
  }
  return writer.take();
}

Image decode(std::string_view bytes) {
  if (bytes.empty()) return {};
  Reader reader(bytes);
  reader.head();
  std::vector<ImageAttribute> attributes(reader.count());
  NameId previous = 0;
  for (ImageAttribute& attribute : attributes) {
    attribute.name = reader.name();
    if (attribute.name <= previous) broken("attributes are out of order");
    previous = attribute.name;
    const std::uint8_t kind = reader.byte();
    if (kind > k_derived_references) broken("an attribute is of an unknown kind");
    const std::size_t count = reader.count();
    if (kind != k_values) {
      if (count == 0) broken("a reference attribute has no source");
      attribute.references.resize(count);
      for (ReferenceSource& source : attribute.references) {
        source.object.value = static_cast<std::int64_t>(reader.varint());
        source.attribute = reader.name();
        source.count = static_cast<std::int64_t>(reader.varint());
        if (kind == k_references) continue;
        source.referenced_by = reader.name_or_none();
        source.flatten = reader.byte() != 0;
      }
      continue;
    }
    attribute.values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) attribute.values.push_back(reader.value());
  }
  if (!reader.done()) broken("something follows its end");
  return Image::from_sorted(std::move(attributes));
}

std::string encode_lineage(const Lineage& lineage) {
  Writer writer(6 + lineage.size() * 6);
  writer.head();
  writer.varint(lineage.size());
  for (const Contribution& one : lineage) {
    writer.varint(one.attribute);
    writer.varint(static_cast<std::uint64_t>(one.rule.value));
    writer.varint(static_cast<std::uint64_t>(one.object.value));
  }
  return writer.take();
}

Lineage decode_lineage(std::string_view bytes) {
  if (bytes.empty()) return {};
  Reader reader(bytes);
  reader.head();
  Lineage lineage(reader.count());
  for (Contribution& one : lineage) {
    one.attribute = reader.name();
    one.rule.value = static_cast<std::int64_t>(reader.varint());
    one.object.value = static_cast<std::int64_t>(reader.varint());
  }
  if (!reader.done()) broken("something follows its lineage");
  return lineage;
}

}  // namespace linkspan::model
