/* store.c - memories and tables: made, grown, changed in bulk, freed.  Layer: wasm.
 *
 * All sums are made in 64 bits from 32-bit operands, so no check below can wrap. */
#include <string.h>

#include "wasm/interp/interp.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

berth_status berthi_interp_memory_create(interp_store *store, const berthi_wasm_size *size,
                                         interp_memory **memory_out, berth_diag *diag)
{
    uint64_t bytes =
        size->min > UINT64_MAX / INTERP_PAGE ? UINT64_MAX : size->min * INTERP_PAGE;
    interp_memory *m;

    if (store->memories_count >= store->limits.memories_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                                   "a store has at most %u memories",
                                   (unsigned)store->limits.memories_max);
    if (bytes > store->limits.memory_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                                   "a memory starts with %llu bytes, the limit is %llu",
                                   (unsigned long long)bytes,
                                   (unsigned long long)store->limits.memory_bytes_max);
    m = berthi_zalloc(store->engine->allocator, sizeof *m);
    if (m == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a memory");
    if (bytes > 0) {
        m->base = berthi_zalloc(store->engine->allocator, bytes);
        if (m->base == NULL) {
            berthi_free(store->engine->allocator, m, sizeof *m);
            return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a memory of %llu bytes",
                               (unsigned long long)bytes);
        }
    }
    m->size = m->capacity = bytes;
    m->declared = *size;
    m->pages_max = min_u64(size->has_max ? min_u64(size->max, 65536) : 65536,
                           store->limits.memory_bytes_max / INTERP_PAGE);
    m->next = store->memories;
    store->memories = m;
    store->memories_count++;
    *memory_out = m;
    return BERTH_OK;
}

#ifdef BERTH_HOSTILE
enum { HOSTILE_MOVE_MAX = 1 << 20 };

bool interp_move_memories(interp_store *store)
{
    const berth_allocator *a = store->engine->allocator;

    for (interp_memory *m = store->memories; m != NULL; m = m->next) {
        uint8_t *base;

        if (m->capacity == 0 || m->capacity > HOSTILE_MOVE_MAX)
            continue;
        base = berthi_alloc(a, m->capacity);
        if (base == NULL)
            return false;
        memcpy(base, m->base, m->size);
        memset(m->base, 0xDD, m->capacity);
        berthi_free(a, m->base, m->capacity);
        m->base = base;
    }
    return true;
}
#endif

/* Room is doubled so that growing page by page does not copy everything each time; only what
 * the guest has asked for is touched. */
uint32_t berthi_interp_memory_grow(interp_store *store, interp_memory *m, uint32_t pages)
{
    const berth_allocator *a = store->engine->allocator;
    uint64_t before = interp_memory_pages(m), size = (before + pages) * INTERP_PAGE;

    if (before + pages > m->pages_max)
        return UINT32_MAX;
    if (size > m->capacity) {
#ifdef BERTH_HOSTILE
        uint64_t doubled = 0; /* every growth moves the memory */
#else
        uint64_t doubled = min_u64(m->capacity * 2, m->pages_max * INTERP_PAGE);
#endif
        uint64_t capacity = size > doubled ? size : doubled;
        uint8_t *base = berthi_alloc(a, capacity);

        if (base == NULL)
            return UINT32_MAX;
        if (m->size > 0)
            memcpy(base, m->base, m->size);
        berthi_free(a, m->base, m->capacity);
        m->base = base;
        m->capacity = capacity;
    }
    if (size > m->size)
        memset(m->base + m->size, 0, size - m->size);
    m->size = size;
    return (uint32_t)before;
}

bool berthi_interp_memory_fill(interp_memory *m, uint32_t at, uint32_t value, uint32_t n)
{
    if ((uint64_t)at + n > m->size)
        return false;
    if (n > 0)
        memset(m->base + at, (int)(value & 0xff), n);
    return true;
}

bool berthi_interp_memory_copy(interp_memory *to_memory, const interp_memory *from_memory,
                               uint32_t to, uint32_t from, uint32_t n)
{
    if ((uint64_t)to + n > to_memory->size || (uint64_t)from + n > from_memory->size)
        return false;
    if (n > 0)
        memmove(to_memory->base + to, from_memory->base + from, n);
    return true;
}

bool berthi_interp_memory_init(interp_instance *inst, uint32_t memory, uint32_t data,
                               uint32_t to, uint32_t from, uint32_t n)
{
    const interp_data *segment = &inst->module->data[data];
    uint32_t size = inst->data_dropped[data] ? 0 : segment->size;
    interp_memory *m = inst->memories[memory];

    if ((uint64_t)from + n > size || (uint64_t)to + n > m->size)
        return false;
    if (n > 0)
        memcpy(m->base + to, segment->bytes + from, n);
    return true;
}

berth_status berthi_interp_table_create(interp_store *store, const berthi_wasm_table *type,
                                        interp_table **table_out, berth_diag *diag)
{
    const berth_allocator *a = store->engine->allocator;
    uint32_t limit = store->limits.table_elements_max;
    interp_table *t;

    if (store->tables_count >= store->limits.tables_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_TABLE,
                                   "a store has at most %u tables",
                                   (unsigned)store->limits.tables_max);
    if (type->size.min > limit)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_TABLE,
                                   "a table starts with %llu elements, the limit is %u",
                                   (unsigned long long)type->size.min, (unsigned)limit);
    t = berthi_zalloc(a, sizeof *t);
    if (t == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a table");
    t->size = t->capacity = (uint32_t)type->size.min;
    if (t->size > 0) {
        t->elements = berthi_zalloc_array(a, t->size, sizeof *t->elements);
        if (t->elements == NULL) {
            berthi_free(a, t, sizeof *t);
            return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a table");
        }
    }
    t->type = type->element_type;
    t->declared = type->size;
    t->size_max = (uint32_t)min_u64(type->size.has_max ? type->size.max : UINT32_MAX, limit);
    t->next = store->tables;
    store->tables = t;
    store->tables_count++;
    *table_out = t;
    return BERTH_OK;
}

uint32_t berthi_interp_table_grow(interp_store *store, interp_table *t, uint64_t value,
                                  uint32_t n)
{
    const berth_allocator *a = store->engine->allocator;
    uint64_t size = (uint64_t)t->size + n;
    uint32_t before = t->size;

    if (size > t->size_max)
        return UINT32_MAX;
    if (size > t->capacity) {
        uint64_t doubled = min_u64((uint64_t)t->capacity * 2, t->size_max);
        uint32_t capacity = (uint32_t)(size > doubled ? size : doubled);
        uint64_t *elements = berthi_alloc(a, capacity * sizeof *elements);

        if (elements == NULL)
            return UINT32_MAX;
        if (t->size > 0)
            memcpy(elements, t->elements, t->size * sizeof *elements);
        berthi_free(a, t->elements, t->capacity * sizeof *elements);
        t->elements = elements;
        t->capacity = capacity;
    }
    t->size = (uint32_t)size;
    (void)berthi_interp_table_fill(t, before, value, n);
    return before;
}

bool berthi_interp_table_fill(interp_table *t, uint32_t at, uint64_t value, uint32_t n)
{
    if ((uint64_t)at + n > t->size)
        return false;
    for (uint32_t i = 0; i < n; i++)
        t->elements[at + i] = value;
    return true;
}

bool berthi_interp_table_copy(interp_table *to_table, interp_table *from_table, uint32_t to,
                              uint32_t from, uint32_t n)
{
    if ((uint64_t)to + n > to_table->size || (uint64_t)from + n > from_table->size)
        return false;
    if (n > 0)
        memmove(to_table->elements + to, from_table->elements + from,
                n * sizeof *to_table->elements);
    return true;
}

/* The reference that an item of a segment stands for in this instance. */
static uint64_t item_value(const interp_instance *inst, interp_item item)
{
    if (item.is_global)
        return inst->globals[item.index]->value;
    if (item.index == INTERP_NULL_INDEX)
        return 0;
    return (uint64_t)(uintptr_t)inst->funcs[item.index];
}

bool berthi_interp_table_init(interp_instance *inst, uint32_t table, uint32_t element,
                              uint32_t to, uint32_t from, uint32_t n)
{
    const interp_element *segment = &inst->module->elements[element];
    uint32_t size = inst->elements_dropped[element] ? 0 : segment->count;
    interp_table *t = inst->tables[table];

    if ((uint64_t)from + n > size || (uint64_t)to + n > t->size)
        return false;
    for (uint32_t i = 0; i < n; i++)
        t->elements[to + i] = item_value(inst, segment->items[from + i]);
    return true;
}

void berthi_interp_store_fini(interp_store *store)
{
    const berth_allocator *a = store->engine->allocator;
    interp_memory *m = store->memories, *next_m;
    interp_table *t = store->tables, *next_t;

    for (const interp_instance *i = store->instances; i != NULL; i = i->next) {
        berthi_interp_module_unref(i->module);
        atomic_fetch_sub_explicit(&store->engine->instances, 1, memory_order_relaxed);
    }
    for (; m != NULL; m = next_m) {
        next_m = m->next;
        berthi_free(a, m->base, m->capacity);
        berthi_free(a, m, sizeof *m);
    }
    for (; t != NULL; t = next_t) {
        next_t = t->next;
        berthi_free(a, t->elements, t->capacity * sizeof *t->elements);
        berthi_free(a, t, sizeof *t);
    }
    berthi_free(a, store->stack, store->stack_cells * sizeof *store->stack);
    berthi_arena_fini(&store->arena);
}
