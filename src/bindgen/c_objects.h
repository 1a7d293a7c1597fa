/* bindgen/c_objects.h - resources that a host offers: what the writers of its table share.
 *
 * Layer: bindgen. */
#ifndef BERTHI_BINDGEN_C_OBJECTS_H
#define BERTHI_BINDGEN_C_OBJECTS_H

#include "bindgen/shape.h"

/* What the member for a function is called. */
const char *berthi_bg_offer_member(berthi_bg *bg, const berthi_bg_func *f);

/* The resource that an imported function is a method of, or the constructor of; NULL: of none. */
const berthi_bg_object *berthi_bg_method_of(const berthi_bg *bg, const berthi_bg_func *f);
const berthi_bg_object *berthi_bg_constructor_of(const berthi_bg *bg, const berthi_bg_func *f);

/* The parameters of the host's function. */
void berthi_bg_put_offer_params(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f);

/* Types in front of the table, members of it, and functions behind it. */
void berthi_bg_declare_objects(berthi_bg *bg, berthi_bg_out *o);
void berthi_bg_write_object_members(berthi_bg *bg, berthi_bg_out *o);
void berthi_bg_declare_object_functions(berthi_bg *bg, berthi_bg_out *o);
/* In the source: those functions, and within the offer what binds the resources. */
void berthi_bg_write_object_functions(berthi_bg *bg, berthi_bg_out *o);
void berthi_bg_bind_objects(berthi_bg *bg, berthi_bg_out *o);
/* The body of the function that stands in front of a method or a constructor. */
void berthi_bg_write_method_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                                 const berthi_bg_object *of);
void berthi_bg_write_constructor_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                                      const berthi_bg_object *of);

#endif
