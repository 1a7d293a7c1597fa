/* bindgen/c_plugin.h - what both kinds of glue for a plugin are made of.  Layer: bindgen. */
#ifndef BERTHI_BINDGEN_C_PLUGIN_H
#define BERTHI_BINDGEN_C_PLUGIN_H

#include "bindgen/shape.h"

/* Types of C, "void" where there is nothing. */
const char *berthi_bg_args_type(const berthi_bg_func *f);
const char *berthi_bg_result_type(const berthi_bg *bg, const berthi_bg_func *f);

/* What follows the prefix of the world. */
const char *berthi_bg_tail(const berthi_bg *bg, const char *name);
/* A name of the glue's own, PREFIX_WHAT_TAIL. */
const char *berthi_bg_own_name(berthi_bg *bg, const char *what, const char *of);

/* A parameter of an import, which no variable of the glue is called like. */
const char *berthi_bg_import_param(berthi_bg *bg, const berthi_wit_func *func, uint32_t index);
/* The head of an import, and what follows its parameters. */
void berthi_bg_write_import(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                            const char *tail);

/* Calls `write` for each resource that a group's interface, or the world itself, defines. */
void berthi_bg_each_resource(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                             void (*write)(berthi_bg *, berthi_bg_out *,
                                           const berthi_bg_group *, const char *name,
                                           const char *wit_name));

/* A function of one line. */
void berthi_bg_write_function(berthi_bg_out *o, const char *head, const char *body);

/* Types of an interface are one C type each, and a wrapped component knows them by one index: a world
 * that both imports and exports an interface is refused. */
berth_status berthi_bg_check_plugin(const berthi_bg *bg) __attribute__((warn_unused_result));

#endif
