/* interp/dispatch.h - the shapes that most handlers of run.c's loop share.  Layer: wasm.
 *
 * Each macro makes one handler from a row of numeric.h's lists, inside run(): it uses that
 * function's sp, pc, memory, memory_size and reason, and its label trap. */
#ifndef BERTHI_INTERP_DISPATCH_H
#define BERTHI_INTERP_DISPATCH_H

#define NEXT goto *labels[*pc++]
#define TRAP(why)                                                                              \
    do {                                                                                       \
        reason = (why);                                                                        \
        goto trap;                                                                             \
    } while (0)
#define VIEW_MEMORY() (memory = inst->memory->base, memory_size = inst->memory->size)

/* clang-format off */
#define DO_I32_BINARY(name, expression) L_##name: {                                             \
        uint32_t b = (uint32_t)sp[-1], a = (uint32_t)sp[-2];                                    \
        int32_t t = (int32_t)b, s = (int32_t)a;                                                 \
        (void)s, (void)t;                                                                       \
        *(--sp - 1) = (uint32_t)(expression);                                                   \
        NEXT;                                                                                   \
    }
#define DO_I32_UNARY(name, expression) L_##name: {                                              \
        uint32_t a = (uint32_t)sp[-1], result = (uint32_t)(expression);                         \
        sp[-1] = result;                                                                        \
        NEXT;                                                                                   \
    }
#define DO_I64_BINARY(name, expression) L_##name: {                                             \
        uint64_t b = sp[-1], a = sp[-2];                                                        \
        int64_t t = (int64_t)b, s = (int64_t)a;                                                 \
        (void)s, (void)t;                                                                       \
        *(--sp - 1) = (uint64_t)(expression);                                                   \
        NEXT;                                                                                   \
    }
#define DO_CELL_UNARY(name, expression) L_##name: {                                             \
        uint64_t a = sp[-1];                                                                    \
        sp[-1] = (uint64_t)(expression);                                                        \
        NEXT;                                                                                   \
    }
#define DO_F32_COMPARE(name, expression) L_##name: {                                            \
        float b = numeric_f32(sp[-1]), a = numeric_f32(sp[-2]);                                 \
        *(--sp - 1) = (uint64_t)(expression);                                                   \
        NEXT;                                                                                   \
    }
#define DO_F64_COMPARE(name, expression) L_##name: {                                            \
        double b = numeric_f64(sp[-1]), a = numeric_f64(sp[-2]);                                \
        *(--sp - 1) = (uint64_t)(expression);                                                   \
        NEXT;                                                                                   \
    }
#define DO_F32_BINARY(name, expression) L_##name: {                                             \
        float b = numeric_f32(sp[-1]), a = numeric_f32(sp[-2]);                                 \
        *(--sp - 1) = numeric_of_f32(expression);                                               \
        NEXT;                                                                                   \
    }
#define DO_F64_BINARY(name, expression) L_##name: {                                             \
        double b = numeric_f64(sp[-1]), a = numeric_f64(sp[-2]);                                \
        *(--sp - 1) = numeric_of_f64(expression);                                               \
        NEXT;                                                                                   \
    }
#define DO_DIVIDE(name, type, overflows, expression) L_##name: {                                \
        type b = (type)sp[-1], a = (type)sp[-2];                                                \
        if (b == 0)                                                                             \
            TRAP(BERTH_REASON_DIVISION);                                                        \
        if (overflows)                                                                          \
            TRAP(BERTH_REASON_INTEGER_OVERFLOW);                                                \
        *(--sp - 1) = (type)(expression);                                                       \
        NEXT;                                                                                   \
    }
#define TRUNC_f32 float
#define TRUNC_f64 double
#define DO_TRUNCATE(name, source, saturating, low, high, type, unsigned_type, least, greatest)  \
    L_##name: {                                                                                 \
        TRUNC_##source a = numeric_##source(sp[-1]);                                            \
        if (isnan(a))                                                                           \
            TRAP(BERTH_REASON_CONVERSION);                                                      \
        if (!(low) || !(high))                                                                  \
            TRAP(BERTH_REASON_INTEGER_OVERFLOW);                                                \
        sp[-1] = (unsigned_type)(type)a;                                                        \
        NEXT;                                                                                   \
    }                                                                                           \
    L_##saturating: {                                                                           \
        TRUNC_##source a = numeric_##source(sp[-1]);                                            \
        sp[-1] = isnan(a) ? 0                                                                   \
                 : !(low) ? (unsigned_type)(least)                                              \
                 : !(high) ? (unsigned_type)(greatest) : (unsigned_type)(type)a;                \
        NEXT;                                                                                   \
    }
#define DO_LOAD(name, type, wide) L_##name: {                                                   \
        uint64_t at = (uint64_t)(uint32_t)sp[-1] + *pc++;                                       \
        type value;                                                                             \
        wide result;                                                                            \
        if (at + sizeof value > memory_size)                                                    \
            TRAP(BERTH_REASON_MEMORY_BOUNDS);                                                   \
        memcpy(&value, memory + at, sizeof value);                                              \
        result = (wide)value;                                                                   \
        sp[-1] = result;                                                                        \
        NEXT;                                                                                   \
    }
#define DO_STORE(name, type) L_##name: {                                                        \
        uint64_t at = (uint64_t)(uint32_t)sp[-2] + *pc++;                                       \
        type value = (type)sp[-1];                                                              \
        if (at + sizeof value > memory_size)                                                    \
            TRAP(BERTH_REASON_MEMORY_BOUNDS);                                                   \
        memcpy(memory + at, &value, sizeof value);                                              \
        sp -= 2;                                                                                \
        NEXT;                                                                                   \
    }
/* clang-format on */

#endif
