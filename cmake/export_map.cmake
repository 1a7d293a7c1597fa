# Writes a linker version script that exports exactly the functions marked BERTH_API in the
# public headers.  In: HEADERS (folder), MAP (file to write), SOVERSION.

file(GLOB headers ${HEADERS}/*.h)
list(SORT headers)
set(names)
foreach(header IN LISTS headers)
    file(READ ${header} text)
    string(REPLACE ";" "\n" text "${text}")
    string(REGEX MATCHALL "\nBERTH_API [^(]*[ *\n]berth_[a-z0-9_]+\\(" found "${text}")
    foreach(declaration IN LISTS found)
        string(REGEX MATCH "(berth_[a-z0-9_]+)\\($" ignored "${declaration}")
        list(APPEND names ${CMAKE_MATCH_1})
    endforeach()
endforeach()
list(SORT names)
list(JOIN names ";\n        " lines)
file(WRITE ${MAP}.new "BERTH_${SOVERSION} {\n    global:\n        ${lines};\n    local:\n        *;\n};\n")
file(COPY_FILE ${MAP}.new ${MAP})
