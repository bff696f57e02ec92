# Run by linkspan_embed_sql at build time: DIR's *.sql as a C++ source.

file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(texts "")
set(rows "")
foreach(path IN LISTS files)
  get_filename_component(stem ${path} NAME_WE)
  if(NOT stem MATCHES "^([0-9]+)_([a-z0-9_]+)$")
    message(FATAL_ERROR "${path}: a migration is named like 0001_what_it_does.sql")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" plain ${number})
  file(READ ${path} text)
  string(FIND "${text}" ")linkspan_sql\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${path}: holds the text that ends a literal")
  endif()
  string(APPEND texts "constexpr std::string_view k_text_${plain} = R\"linkspan_sql(${text})linkspan_sql\";\n")
  string(APPEND rows "    {${plain}, \"${name}\", k_text_${plain}},\n")
endforeach()
list(LENGTH files count)

file(WRITE ${HEADER} "#pragma once
#include <span>

#include \"sql/migrate.h\"

namespace linkspan::${ROOM} {

std::span<const linkspan::sql::Migration> ${FUNCTION}();

}  // namespace linkspan::${ROOM}
")
file(WRITE ${SOURCE} "#include \"${ROOM}/${FUNCTION}.h\"

#include <array>

namespace linkspan::${ROOM} {

namespace {

${texts}
constexpr std::array<linkspan::sql::Migration, ${count}> k_migrations{{
${rows}}};

}  // namespace

std::span<const linkspan::sql::Migration> ${FUNCTION}() { return k_migrations; }

}  // namespace linkspan::${ROOM}
")
