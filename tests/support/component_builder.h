/* component_builder.h - components around one core module, as tests of slots need them.
 *
 * Each function named is lifted from the core export of that name, with the module's "memory" and
 * "cabi_realloc", and "cabi_post_NAME" where asked for.  Its type is the hooks':
 * func(list<u8>) -> result<list<u8>, string>. */
#ifndef BERTHT_COMPONENT_BUILDER_H
#define BERTHT_COMPONENT_BUILDER_H

#include "wasm_builder.h"

typedef struct component_recipe {
    const uint8_t *core;
    size_t core_size;
    const char *functions; /* separated by spaces */
    bool has_post;         /* each function has its cabi_post_NAME */
    bool is_other_type;    /* func(list<u8>) -> list<u8> instead, which is no hook's */
    const char *interface; /* exported as an instance of that name instead of one by one */
    const char *import;    /* an instance of that name, with a function "f", is asked for */
    const char *metadata;  /* body of a `berth.plugin.v1` section */
    const char *name;      /* what tools write into the section of names */
    const char *version;   /* what they write into a section of its own */
    uint32_t idle;         /* instances of the module that nothing uses; at most 100 */
} component_recipe;

/* The component's bytes; end them with free(). */
uint8_t *component_build(const component_recipe *recipe, size_t *size_out);

/* A core module that has everything: "memory", "cabi_realloc" which always answers 1024, and
 * functions of the right core type which trap.  End it with free(). */
uint8_t *component_core(const char *functions, uint32_t pages, size_t *size_out);

/* A component whose hook "do" replies with `number` as 8 bytes, least significant first; it has
 * room for inputs of a few kilobytes. */
uint8_t *component_answering(uint32_t number, size_t *size_out);

#endif
