#include "sql/internal/sqlserver_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "sql/internal/statements.h"

namespace linkspan::sql {

namespace {

constexpr std::string_view k_index = "linkspan_index";
constexpr std::string_view k_collation = "Latin1_General_100_BIN2";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@' ||
         c == '#' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Words as they stand, `$1`, quoted things whole, comments whole, any other character by itself; blanks apart.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t end = at + 1;
    if (c == '\'' || c == '"' || c == '[') {
      const char close = c == '[' ? ']' : c;
      // A doubled quote inside is two quoted things side by side, which comes to the same.
      end = std::min(text.find(close, at + 1), text.size() - 1) + 1;
    } else if (text.substr(at, 2) == "--") {
      end = std::min(text.find('\n', at), text.size());
    } else if (c == '$' || is_word(c)) {
      while (end < text.size() && is_word(text[end])) ++end;
    } else if (is_blank(c)) {
      while (end < text.size() && is_blank(text[end])) ++end;
    }
    tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

bool is(std::string_view token, std::string_view word) { return to_upper(token) == word; }

[[noreturn]] void refuse(std::string_view statement, std::string_view what) {
  throw Error(Fault::invalid, "sql.not_portable",
              fmt::format("{} is not SQL that every server reads, in '{}'", what, printable(statement, 300)),
              "That is a fault of the program: report it.");
}

bool is_count(std::string_view token) {
  const std::string_view digits = token.substr(token.starts_with('$') ? 1 : 0);
  return !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
}

// Takes LIMIT n [OFFSET m] off the end and puts what T-SQL says instead.
class Limit {
 public:
  explicit Limit(std::string_view statement) : statement_(statement) {
    for (const std::string_view token : tokens_of(trim(statement))) {
      if (!is_blank(token.front())) tokens_.push_back(token);
      all_.push_back(token);
    }
  }

  std::string translated() {
    check();
    const auto limit = std::find_if(tokens_.begin(), tokens_.end(), [](auto token) { return is(token, "LIMIT"); });
    if (limit == tokens_.end()) return std::string(trim(statement_));
    const std::vector<std::string_view> tail(limit + 1, tokens_.end());
    const bool offset = tail.size() == 3 && is(tail[1], "OFFSET") && is_count(tail[2]);
    const bool right = !tail.empty() && is_count(tail[0]) && (tail.size() == 1 || offset);
    if (!right || !is(tokens_.front(), "SELECT") || is(tokens_.at(1), "DISTINCT")) refuse(statement_, "this LIMIT");
    if (!offset) return text_until_limit(fmt::format(" TOP ({})", tail[0]));
    const bool ordered = std::any_of(tokens_.begin(), limit, [](auto token) { return is(token, "ORDER"); });
    if (!ordered) refuse(statement_, "OFFSET without ORDER BY");
    return fmt::format("{} OFFSET {} ROWS FETCH NEXT {} ROWS ONLY", text_until_limit(""), tail[2], tail[0]);
  }

 private:
  void check() const {
    constexpr std::array<std::string_view, 5> strange{"RETURNING", "CONFLICT", "ILIKE", "TRUE", "FALSE"};
    int depth = 0;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::string_view token = tokens_[i];
      depth += token == "(" ? 1 : token == ")" ? -1 : 0;
      if (std::any_of(strange.begin(), strange.end(), [&](auto word) { return is(token, word); })) {
        refuse(statement_, token);
      }
      const bool twice = i + 1 < tokens_.size() && tokens_[i + 1] == token;
      if (twice && (token == ":" || token == "|")) refuse(statement_, token == ":" ? "::" : "||");
      if (is(token, "LIMIT") && depth != 0) refuse(statement_, "LIMIT in parentheses");
    }
  }

  // All before LIMIT, with `top` behind SELECT.
  [[nodiscard]] std::string text_until_limit(std::string_view top) const {
    std::string out;
    for (const std::string_view token : all_) {
      if (is(token, "LIMIT")) break;
      out += token;
      if (out.size() == token.size()) out += top;
    }
    return std::string(trim(out));
  }

  std::string_view statement_;
  std::vector<std::string_view> tokens_;  // without blanks
  std::vector<std::string_view> all_;
};

// `"t"."id" = k."id"`, and for what is compared padded, the length too.
std::string same_key(const Table& table, const std::vector<OdbcColumn>& columns) {
  std::string out;
  std::size_t key = 0;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].role != Role::key) continue;
    // Of a lookup only the keys' columns are known, of a write all.
    const OdbcColumn& column = columns.size() == table.columns.size() ? columns[i] : columns.at(key);
    ++key;
    const std::string mine = fmt::format("{}.{}", quoted_name(table.name), quoted_name(table.columns[i].name));
    const std::string theirs = fmt::format("k.{}", quoted_name(table.columns[i].name));
    if (!out.empty()) out += " AND ";
    out += fmt::format("{} = {}", mine, theirs);
    if (column.kind == OdbcKind::text || column.kind == OdbcKind::blob) {
      out += fmt::format(" AND DATALENGTH({}) = DATALENGTH({})", mine, theirs);
    }
  }
  assert(!out.empty());
  return out;
}

std::string type_text(const OdbcColumn& column) {
  const std::string size = column.size == 0 ? "max" : std::to_string(column.size);
  switch (column.kind) {
    case OdbcKind::integer:
      return "bigint";
    case OdbcKind::real:
      return "float";
    case OdbcKind::text:
      return fmt::format("nvarchar({}) COLLATE {}", size, k_collation);
    case OdbcKind::blob:
      break;
  }
  return fmt::format("varbinary({})", size);
}

constexpr std::string_view k_locked = " WITH (UPDLOCK, SERIALIZABLE)";

}  // namespace

Translated translated(std::string_view statement) {
  Translated made;
  const std::string text = Limit(statement).translated();  // the tokens are views of it
  for (const std::string_view token : tokens_of(text)) {
    if (!token.starts_with('$')) {
      made.text += token;
      continue;
    }
    const auto number = to_integer(token.substr(1));
    if (!number || *number < 1) refuse(statement, token);
    made.text += '?';
    made.order.push_back(static_cast<std::size_t>(*number - 1));
  }
  return made;
}

std::string first_word(std::string_view statement) {
  statement = trim(statement);
  const auto end = std::find_if_not(statement.begin(), statement.end(), is_word);
  return to_upper(statement.substr(0, static_cast<std::size_t>(end - statement.begin())));
}

std::vector<std::string_view> batches_of(std::string_view script) {
  std::vector<std::string_view> batches;
  std::size_t start = 0;
  const auto add = [&](std::size_t end) {
    const std::string_view batch = trim(script.substr(start, end - start));
    if (!batch.empty()) batches.push_back(batch);
  };
  for (std::size_t line = 0; line < script.size();) {
    const std::size_t end = std::min(script.find('\n', line), script.size());
    if (is(trim(script.substr(line, end - line)), "GO")) {
      add(line);
      start = end;
    }
    line = end + 1;
  }
  add(script.size());
  return batches;
}

std::string session_settings(std::chrono::milliseconds lock_wait) {
  // What filtered indexes and computed columns ask for; an error undoes its transaction at once; values come whole.
  return fmt::format(
      "SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL "
      "ON; "
      "SET QUOTED_IDENTIFIER ON; "
      "SET NUMERIC_ROUNDABORT OFF; SET IMPLICIT_TRANSACTIONS OFF; SET NOCOUNT OFF; SET XACT_ABORT ON; "
      "SET TEXTSIZE 2147483647; SET LOCK_TIMEOUT {}",
      std::max<std::int64_t>(lock_wait.count(), 1));
}

Source Source::values(std::vector<std::string_view> names, std::size_t rows, bool numbered) {
  assert(rows != 0 && !names.empty());
  std::string marks;
  for (std::size_t i = 0; i < names.size(); ++i) marks += i == 0 ? "?" : ", ?";
  std::string list;
  for (std::size_t i = 0; i < rows; ++i) {
    list += fmt::format("{}({}{})", i == 0 ? "" : ", ", numbered ? fmt::format("{}, ", i) : "", marks);
  }
  if (numbered) names.insert(names.begin(), k_index);
  Source made;
  made.text_ = fmt::format("(VALUES {}) AS k ({})", list, each_column(names, "{}", ", "));
  return made;
}

Source Source::stage(std::string_view stage) {
  Source made;
  made.text_ = fmt::format("{} AS k", stage);
  return made;
}

std::string insert_text(const Table& table, const Source& source) {
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) names.emplace_back(column.name);
  return fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", quoted_name(table.name), column_list(table),
                     each_column(names, "k.{}", ", "), source.text());
}

std::string update_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source,
                        bool locking) {
  const std::string target = quoted_name(table.name);
  return fmt::format("UPDATE {} SET {} FROM {}{} INNER JOIN {} ON {}", target,
                     each_column(columns_of(table, Role::value), "{} = k.{}", ", "), target, locking ? k_locked : "",
                     source.text(), same_key(table, columns));
}

std::string insert_missing_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source) {
  return fmt::format("{} WHERE NOT EXISTS (SELECT 1 FROM {}{} WHERE {})", insert_text(table, source),
                     quoted_name(table.name), k_locked, same_key(table, columns));
}

std::string erase_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source) {
  return fmt::format("DELETE FROM {} WHERE EXISTS (SELECT 1 FROM {} WHERE {})", quoted_name(table.name), source.text(),
                     same_key(table, columns));
}

std::string lookup_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source) {
  const std::string target = quoted_name(table.name);
  return fmt::format("SELECT k.\"{}\"{} FROM {} INNER JOIN {} ON {}", k_index,
                     each_column(columns_of(table, Role::value), fmt::format(", {}.{{}}", target), ""), source.text(),
                     target, same_key(table, columns));
}

Stage stage_for(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns, bool numbered) {
  assert(names.size() == columns.size());
  std::string shape = numbered ? fmt::format("\"{}\" bigint NOT NULL", k_index) : "";
  for (std::size_t i = 0; i < names.size(); ++i) {
    shape += fmt::format("{}{} {} NULL", shape.empty() ? "" : ", ", quoted_name(names[i]), type_text(columns[i]));
  }
  const std::string name = fmt::format("#linkspan_{:016x}", hash64(shape, 0));
  return {name, fmt::format("DROP TABLE IF EXISTS {}; CREATE TABLE {} ({})", name, name, shape)};
}

}  // namespace linkspan::sql
