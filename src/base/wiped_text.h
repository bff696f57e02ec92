#pragma once
// Text that leaves nothing behind: for passwords on their way to a library, in rooms that may not see vault.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan {

/// What it gives back has been overwritten first.
template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class Other>
  explicit WipingAllocator(const WipingAllocator<Other>&) noexcept {}
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    ::explicit_bzero(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

/// Text whose every copy is overwritten before its memory is given back. It may be copied, as the options it stands in
/// are; it is not printed by anything, but its memory is not locked either: what is kept for long belongs into a
/// vault::Secret.
class WipedText {
 public:
  WipedText() = default;
  WipedText(std::string_view text) {  // NOLINT(google-explicit-constructor): options are given as text
    if (text.empty()) return;
    bytes_.reserve(text.size() + 1);
    bytes_.assign(text.begin(), text.end());
    bytes_.push_back('\0');
  }
  WipedText(const std::string& text) : WipedText(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  WipedText(const char* text) : WipedText(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::string_view view() const noexcept { return {c_str(), empty() ? 0 : bytes_.size() - 1}; }
  /// Ends with a NUL; for libraries.
  [[nodiscard]] const char* c_str() const noexcept { return empty() ? "" : bytes_.data(); }

 private:
  std::vector<char, WipingAllocator<char>> bytes_;
};

}  // namespace linkspan
