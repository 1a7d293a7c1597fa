/* objects.c - counted objects of one instance.  Layer: service. */
#include "service/services.h"

#include <assert.h>

void *berthi_object_make(berthi_services *s, const berthi_object_class *class)
{
    berthi_object *o;

    if (s->objects >= s->objects_max)
        return NULL;
    o = berthi_zalloc(s->allocator, class->size);
    if (o == NULL)
        return NULL;
    s->objects++;
    o->class = class;
    o->services = s;
    o->refs = 1;
    return o;
}

void *berthi_object_ref(void *object)
{
    berthi_object *o = object;

    assert(o->refs > 0 && o->refs < UINT32_MAX);
    o->refs++;
    return object;
}

void berthi_object_unref(void *object)
{
    berthi_object *o = object;
    berthi_services *s;

    if (o == NULL)
        return;
    assert(o->refs > 0);
    if (--o->refs > 0)
        return;
    s = o->services;
    if (o->class->end != NULL)
        o->class->end(o);
    s->objects--;
    berthi_free(s->allocator, o, o->class->size);
}

berthi_wait berthi_object_look(berthi_object *object)
{
    berthi_wait wait = { .fd = -1, .at_ns = UINT64_MAX };

    if (object->class->look == NULL)
        wait.is_ready = true;
    else
        object->class->look(object, &wait);
    return wait;
}

berth_status berthi_object_wait(berthi_object *object, berth_diag *diag)
{
    berthi_wait wait = berthi_object_look(object);

    if (wait.is_ready)
        return BERTH_OK;
    return berthi_services_wait(object->services, &wait, 1, UINT64_MAX, diag);
}

/* ---------------------------------------------------------------- pollables */

static void end_pollable(berthi_object *object)
{
    berthi_object_unref(((berthi_pollable *)object)->of);
}

static void look_through(berthi_object *object, berthi_wait *wait)
{
    const berthi_pollable *p = (const berthi_pollable *)object;

    if (p->of != NULL)
        *wait = berthi_object_look(p->of);
    else
        wait->at_ns = p->at_ns;
}

const berthi_object_class berthi_pollable_class = { "pollable", sizeof(berthi_pollable),
                                                    end_pollable, look_through };

berthi_pollable *berthi_pollable_of(berthi_object *object)
{
    berthi_pollable *p = berthi_object_make(object->services, &berthi_pollable_class);

    if (p != NULL)
        p->of = berthi_object_ref(object);
    return p;
}

berthi_pollable *berthi_pollable_at(berthi_services *s, uint64_t at_ns)
{
    berthi_pollable *p = berthi_object_make(s, &berthi_pollable_class);

    if (p != NULL)
        p->at_ns = at_ns;
    return p;
}

/* ---------------------------------------------------------------- errors */

const berthi_object_class berthi_error_class = { "error", sizeof(berthi_error), NULL, NULL };

berthi_error *berthi_error_make(berthi_services *s, berthi_code code)
{
    berthi_error *e = berthi_object_make(s, &berthi_error_class);

    if (e != NULL)
        e->code = code;
    return e;
}
