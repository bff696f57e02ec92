#include "setup/moving.h"

#include <utility>

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

fs::path note_of(const ServerFile& file) { return file.path.string() + ".moving"; }

}  // namespace

ServerFile pointed_at(ServerFile file, const Destination& destination) {
  file.database_url = destination.url;
  file.database_password_file = destination.password_file;
  file.database_named = false;
  return file;
}

void note_destination(const ServerFile& file, const Destination& destination) {
  ServerFile note = pointed_at(file, destination);
  note.path = note_of(file);
  save_server_file(note);
}

std::optional<Destination> noted_destination(const ServerFile& file) {
  const ServerFile note = load_server_file(note_of(file));
  if (!note.present) return std::nullopt;
  return Destination{note.database_url, note.database_password_file};
}

void forget_destination(const ServerFile& file) {
  std::error_code absent;
  fs::remove(note_of(file), absent);
}

void switch_to(const ServerFile& file) {
  save_server_file(file);
  forget_destination(file);
}

}  // namespace linkspan::setup
