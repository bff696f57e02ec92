#include "connector_file/internal/encoding.h"

#include <fmt/core.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_file {

namespace {

constexpr std::size_t k_block = 64 * 1024;

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

Converter open_converter(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  Converter made(ucnv_open(name.c_str(), &status));
  if (U_FAILURE(status)) return nullptr;
  ucnv_setToUCallBack(made.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  return U_FAILURE(status) ? nullptr : std::move(made);
}

Error wrong_mark(const std::string& name, std::string_view found) {
  return {Fault::invalid, "file.encoding", fmt::format("{}: it begins with the byte order mark of {}", name, found),
          fmt::format("Write the file in UTF-8, or set encoding = {}.", found)};
}

/// UTF-8 as it comes, without its mark; that every field is UTF-8 is the reader's to check, which knows the line.
class Utf8 {
 public:
  Utf8(ByteSource source, std::string name) : source_(std::move(source)), name_(std::move(name)) {}

  std::size_t operator()(std::span<char> bytes) {
    const std::size_t count = source_(bytes);
    if (std::exchange(begun_, true)) return count;
    const std::string_view head(bytes.data(), count);
    if (head.starts_with("\xFF\xFE")) throw wrong_mark(name_, "UTF-16LE");
    if (head.starts_with("\xFE\xFF")) throw wrong_mark(name_, "UTF-16BE");
    if (!head.starts_with("\xEF\xBB\xBF")) return count;
    std::copy(bytes.begin() + 3, bytes.begin() + static_cast<std::ptrdiff_t>(count), bytes.begin());
    const std::size_t kept = count - 3;
    return count < bytes.size() ? kept : kept + source_(bytes.subspan(kept));
  }

 private:
  ByteSource source_;
  std::string name_;
  bool begun_ = false;
};

class Converted {
 public:
  Converted(ByteSource source, const std::string& encoding, std::string name)
      : source_(std::move(source)),
        name_(std::move(name)),
        encoding_(encoding),
        from_(open_converter(encoding)),
        to_(open_converter("UTF-8")),
        raw_(k_block),
        pivot_(k_block) {
    pivot_source_ = pivot_target_ = pivot_.data();
  }

  std::size_t operator()(std::span<char> bytes) {
    char* target = bytes.data();
    char* const target_end = target + bytes.size();
    while (target != target_end && !done_) {
      if (at_ == end_ && !ended_) {
        at_ = 0;
        end_ = source_(raw_);
        ended_ = end_ < raw_.size();
      }
      convert(target, target_end);
    }
    return skip_mark(bytes, static_cast<std::size_t>(target - bytes.data()));
  }

 private:
  void convert(char*& target, char* target_end) {
    const char* source = raw_.data() + at_;
    UErrorCode status = U_ZERO_ERROR;
    ucnv_convertEx(to_.get(), from_.get(), &target, target_end, &source, raw_.data() + end_, pivot_.data(),
                   &pivot_source_, &pivot_target_, pivot_.data() + pivot_.size(), static_cast<UBool>(false),
                   static_cast<UBool>(ended_), &status);
    read_ += static_cast<std::size_t>(source - (raw_.data() + at_));
    at_ = static_cast<std::size_t>(source - raw_.data());
    if (status == U_BUFFER_OVERFLOW_ERROR) return;
    if (U_FAILURE(status)) {
      throw Error(Fault::invalid, "file.encoding",
                  fmt::format("{}: near byte {} stands what is not {}", name_, read_, encoding_),
                  "Set encoding to what the file is really written in, or write it in UTF-8.");
    }
    done_ = ended_ && at_ == end_;
  }

  /// ICU hands on the mark of UTF-16LE and the like as U+FEFF.
  std::size_t skip_mark(std::span<char> bytes, std::size_t count) {
    if (std::exchange(begun_, true) || !std::string_view(bytes.data(), count).starts_with("\xEF\xBB\xBF")) return count;
    std::copy(bytes.begin() + 3, bytes.begin() + static_cast<std::ptrdiff_t>(count), bytes.begin());
    return count < bytes.size() ? count - 3 : count - 3 + (*this)(bytes.subspan(count - 3));
  }

  ByteSource source_;
  std::string name_;
  std::string encoding_;
  Converter from_, to_;
  std::vector<char> raw_;
  std::vector<UChar> pivot_;
  UChar* pivot_source_ = nullptr;
  UChar* pivot_target_ = nullptr;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::size_t read_ = 0;
  bool ended_ = false;
  bool done_ = false;
  bool begun_ = false;
};

}  // namespace

std::string canonical_encoding(const std::string& name) {
  const Converter converter = open_converter(name);
  UErrorCode status = U_ZERO_ERROR;
  const char* known = converter == nullptr ? nullptr : ucnv_getName(converter.get(), &status);
  if (known == nullptr || U_FAILURE(status) || name.empty()) {
    throw Error(Fault::invalid, "file.encoding",
                fmt::format("\"{}\" is no encoding that is known", printable(name, 40)),
                "Such as UTF-8, UTF-16LE, windows-1252, ISO-8859-15.");
  }
  return equal_ascii_case(known, "UTF-8") ? std::string() : std::string(known);
}

ByteSource as_utf8(ByteSource source, const std::string& encoding, std::string name) {
  // Shared, since std::function copies what it holds, and there is but one place in the file.
  if (encoding.empty()) {
    auto plain = std::make_shared<Utf8>(std::move(source), std::move(name));
    return [plain](std::span<char> bytes) { return (*plain)(bytes); };
  }
  auto converted = std::make_shared<Converted>(std::move(source), encoding, std::move(name));
  return [converted](std::span<char> bytes) { return (*converted)(bytes); };
}

}  // namespace linkspan::connector_file
