// What is asked of a person at a terminal.

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "cli/command.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

/// The controlling terminal, whatever standard input is.
class Terminal {
 public:
  Terminal() : file_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (file_ >= 0) return;
    throw Error(Fault::invalid, "cli.no_terminal", "there is no terminal to ask at",
                "Answer on the command line: --yes; secrets by --secret-file NAME=FILE or --secret-env NAME=VARIABLE.");
  }
  ~Terminal() { ::close(file_); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  /// One line into `buffer`; its length.
  [[nodiscard]] std::size_t read_line(std::span<char> buffer) const {
    std::size_t size = 0;
    char one = 0;
    while (::read(file_, &one, 1) == 1 && one != '\n' && one != '\r') {
      if (size < buffer.size()) buffer[size++] = one;
    }
    return size;
  }

  [[nodiscard]] int file() const { return file_; }

 private:
  int file_;
};

/// No echo while it lives.
class NoEcho {
 public:
  explicit NoEcho(int file) : file_(file), known_(::tcgetattr(file, &before_) == 0) {
    if (!known_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(file_, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (known_) ::tcsetattr(file_, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  int file_;
  termios before_{};
  bool known_;
};

std::pair<std::string, std::string> parse_pair(std::string_view option, const std::string& pair) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string::npos || equals == 0) {
    // Not repeated in the message: someone may have written the secret itself.
    throw Error(Fault::invalid, "cli.usage", fmt::format("{} takes NAME=WHERE", option),
                "As in --secret-file password=/run/secrets/ldap; a secret itself never stands on the command line.");
  }
  return {pair.substr(0, equals), pair.substr(equals + 1)};
}

}  // namespace

bool confirm(std::string_view question) {
  const Terminal terminal;
  terminal.write(fmt::format("{} [y/N] ", question));
  std::array<char, 16> answer{};
  const std::size_t size = terminal.read_line(answer);
  const std::string_view text = trim({answer.data(), size});
  return equal_ascii_case(text, "y") || equal_ascii_case(text, "yes");
}

vault::Secret ask_secret(std::string_view prompt) {
  constexpr std::size_t k_longest = 4096;
  const Terminal terminal;
  std::size_t size = 0;
  vault::Secret line = vault::Secret::filled(k_longest, [&](std::span<char> buffer) {
    // Before the question: who answers fast must not see it either.
    const NoEcho quiet(terminal.file());
    terminal.write(fmt::format("{}: ", prompt));
    size = terminal.read_line(buffer);
  });
  terminal.write("\n");
  if (size == 0) {
    throw Error(Fault::invalid, "cli.empty_secret", fmt::format("nothing was entered for {}", prompt), "Try again.");
  }
  return vault::Secret::filled(
      size, [&](std::span<char> into) { std::memcpy(into.data(), line.reveal().data(), into.size()); });
}

connector::Secrets read_secrets(const std::vector<std::string>& files, const std::vector<std::string>& variables) {
  connector::Secrets out;
  for (const std::string& pair : files) {
    const auto [name, where] = parse_pair("--secret-file", pair);
    out.insert_or_assign(name, vault::read_secret_file(where));
  }
  for (const std::string& pair : variables) {
    const auto [name, where] = parse_pair("--secret-env", pair);
    out.insert_or_assign(name, vault::read_secret_environment(where));
  }
  return out;
}

vault::Secret read_passphrase(const std::string& file, const std::string& variable, bool fresh) {
  if (!file.empty()) return vault::read_secret_file(file);
  if (!variable.empty()) return vault::read_secret_environment(variable);
  vault::Secret first = ask_secret("Passphrase");
  if (!fresh) return first;
  const vault::Secret second = ask_secret("Passphrase again");
  if (!first.same_as(second)) {
    throw Error(Fault::invalid, "cli.passphrases_differ", "the two passphrases are not the same", "Try again.");
  }
  return first;
}

}  // namespace linkspan::cli
