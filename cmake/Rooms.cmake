# One library a room, and beside it the room's unit tests and fuzzers. A room is a folder of src/;
# which rooms it may include is said once, here by USES, and held to by scripts/tidy.py.
#
#   causeway_room(lowpan USES base ip link)      # rooms
#   causeway_room(net USES base LIBRARIES Boost::headers)
#   causeway_room(rpl USES base ip UNITY)
#
# UNITY: see causeway_unity() below; for the room's library and its unit tests.
# BROAD: the room includes much and computes little, see causeway_broad() below.
function(causeway_room room)
    cmake_parse_arguments(ARG "UNITY;BROAD" "" "USES;LIBRARIES" ${ARGN})
    file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    set(code ${all})
    list(FILTER code EXCLUDE REGEX "_(test|fuzz)\\.cpp$")
    set(tests ${all})
    list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
    set(fuzzers ${all})
    list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")

    add_library(causeway_${room} STATIC ${code})
    add_library(causeway::${room} ALIAS causeway_${room})
    target_include_directories(causeway_${room} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(causeway_${room} PUBLIC causeway_options ${ARG_LIBRARIES})
    foreach(used ${ARG_USES})
        target_link_libraries(causeway_${room} PUBLIC causeway::${used})
    endforeach()
    if(CAUSEWAY_FUZZ)
        # libFuzzer wants to see into the rooms; what a test runs through, nobody looks at.
        target_compile_options(causeway_${room} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    if(ARG_BROAD AND CAUSEWAY_SANITIZE)
        causeway_broad(causeway_${room})
    elseif(NOT room STREQUAL base)
        target_precompile_headers(causeway_${room} REUSE_FROM causeway_base)
    endif()

    if(CAUSEWAY_TESTS AND tests)
        add_executable(${room}_test ${tests})
        target_link_libraries(${room}_test PRIVATE causeway::${room} causeway_test_main)
        target_precompile_headers(${room}_test REUSE_FROM causeway_test_main)
        add_test(NAME ${room} COMMAND ${room}_test --gtest_brief=1)
    endif()
    if(ARG_UNITY)
        causeway_unity(causeway_${room} ${room}_test)
    endif()
    foreach(fuzzer ${fuzzers})
        causeway_fuzzer(${fuzzer} causeway::${room})
    endforeach()
endfunction()

# The targets' files may be compiled several at once, which costs half as much: headers are read and
# templates instantiated once. Names must not collide then: in a test everything stands in a
# namespace called after the file; in other code, names say enough to be the only ones in the room.
# The presets that scripts/test builds from nothing do so (CAUSEWAY_UNITY); `dev` compiles file by
# file, so that an edit costs one file, and a file that lacks an #include is found out.
function(causeway_unity)
    foreach(target ${ARGN})
        if(CAUSEWAY_UNITY AND TARGET ${target})
            set_target_properties(${target} PROPERTIES UNITY_BUILD ON
                UNITY_BUILD_BATCH_SIZE ${CAUSEWAY_UNITY})
            # GCC takes a source for a header unless it is compiled alone.
            target_compile_options(${target} PRIVATE
                $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
        endif()
    endforeach()
endfunction()

# Where sanitizers look for mistakes, optimising what puts the rooms together takes longer than it
# ever saves. A precompiled header has to be compiled alike, so there is none.
function(causeway_broad target)
    if(CAUSEWAY_SANITIZE)
        target_compile_options(${target} PRIVATE -O0)
    endif()
endfunction()

# Every fuzzer is also a test: a bounded run over its seeds (tests/corpus/<name>/, if any) and what
# libFuzzer makes of them. Only clang has libFuzzer.
function(causeway_fuzzer source)
    if(NOT CAUSEWAY_FUZZ)
        return()
    endif()
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARGN})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
    target_precompile_headers(${name} REUSE_FROM causeway_base)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(corpus ${PROJECT_SOURCE_DIR}/tests/corpus/${name})
    set(scratch ${CMAKE_CURRENT_BINARY_DIR}/${name}_corpus)
    file(MAKE_DIRECTORY ${scratch})
    if(NOT EXISTS ${corpus})
        set(corpus)
    endif()
    add_test(NAME ${name} COMMAND ${name} -runs=${CAUSEWAY_FUZZ_RUNS} -seed=1 -max_len=2048
        -rss_limit_mb=1024 -timeout=10 -print_final_stats=0 -verbosity=0 ${scratch} ${corpus})
    set_tests_properties(${name} PROPERTIES LABELS fuzz)
endfunction()
