# linkspan_embed_sql(target FUNCTION sqlite_migrations DIR ${CMAKE_SOURCE_DIR}/db/migrations/sqlite)
# Compiles the numbered files of DIR (0001_first.sql) into the room's target:
#   #include "<room>/<function>.h"
#   std::span<const linkspan::sql::Migration> linkspan::<room>::<function>();

set(LINKSPAN_EMBED_SQL_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedSqlScript.cmake)

function(linkspan_embed_sql target)
  cmake_parse_arguments(ARG "" "FUNCTION;DIR" "" ${ARGN})
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  get_filename_component(dir ${ARG_DIR} ABSOLUTE)
  # The one glob of the build: here the folder itself is the list.
  file(GLOB files CONFIGURE_DEPENDS ${dir}/*.sql)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded)
  set(header ${out}/${room}/${ARG_FUNCTION}.h)
  set(source ${out}/${room}/${ARG_FUNCTION}.cc)
  add_custom_command(
    OUTPUT ${header} ${source}
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DROOM=${room} -DFUNCTION=${ARG_FUNCTION} -DHEADER=${header}
            -DSOURCE=${source} -P ${LINKSPAN_EMBED_SQL_SCRIPT}
    DEPENDS ${files} ${LINKSPAN_EMBED_SQL_SCRIPT}
    COMMENT "Embedding SQL of ${dir}"
    VERBATIM)
  if(TARGET linkspan_${target})
    set(target linkspan_${target})
  endif()
  target_sources(${target} PRIVATE ${source} ${header})
  target_include_directories(${target} PRIVATE ${out})
endfunction()
