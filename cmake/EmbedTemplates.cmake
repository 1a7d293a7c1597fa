# Writes the templates of `berth new` as C: cmake -DROOT=... -DOUT=... -P EmbedTemplates.cmake
file(GLOB_RECURSE files RELATIVE ${ROOT}/templates ${ROOT}/templates/*/*/*)
list(SORT files)
set(text "/* Made by cmake/EmbedTemplates.cmake. */\n#include \"new.h\"\n\n")
set(table "")
set(number 0)
macro(embed name path) # name: LANGUAGE/CONTRACT/FILE
    file(READ ${path} hex HEX)
    string(LENGTH "${hex}" size)
    math(EXPR size "${size} / 2")
    string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" hex "${hex}") # 16 bytes a line
    string(APPEND text "static const char file_${number}[] = {\n${hex}0\n};\n")
    string(APPEND table "    { \"${name}\", file_${number}, ${size} },\n")
    math(EXPR number "${number} + 1")
endmacro()
foreach(file IN LISTS files)
    embed(${file} ${ROOT}/templates/${file})
    if(file MATCHES "^(c|cpp)/([a-z]+)/Makefile$") # what they include
        embed(${CMAKE_MATCH_1}/${CMAKE_MATCH_2}/berth_hook.h ${ROOT}/guest/berth_hook.h)
    endif()
endforeach()
string(APPEND text "\nconst new_file new_files[] = {\n${table}    { NULL, NULL, 0 },\n};\n")
file(WRITE ${OUT} "${text}")
