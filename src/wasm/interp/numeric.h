/* interp/numeric.h - what the numeric instructions compute.  Layer: wasm.
 *
 * Each list has one row per instruction: its name and an expression over its operands a and b.
 * Integers are unsigned and wrap; floats go through the machine's own arithmetic, whose NaNs are
 * among those that the specification allows.  abs, neg and copysign work on bits, because
 * arithmetic would change a NaN. */
#ifndef BERTHI_INTERP_NUMERIC_H
#define BERTHI_INTERP_NUMERIC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "memories are little-endian");

static inline float numeric_f32(uint64_t cell)
{
    uint32_t bits = (uint32_t)cell;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double numeric_f64(uint64_t cell)
{
    double value;

    memcpy(&value, &cell, sizeof value);
    return value;
}

static inline uint64_t numeric_of_f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t numeric_of_f64(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint32_t numeric_rotl32(uint32_t a, uint32_t n)
{
    return a << (n & 31) | a >> (-n & 31);
}

static inline uint64_t numeric_rotl64(uint64_t a, uint64_t n)
{
    return a << (n & 63) | a >> (-n & 63);
}

/* Rounding may hand a signalling NaN through, depending on how the compiler expands it; adding it
 * to itself makes it quiet. */
#define NUMERIC_ROUND(name, type, round)                                                       \
    static inline type name(type a)                                                            \
    {                                                                                          \
        return isnan(a) ? a + a : round(a);                                                    \
    }
NUMERIC_ROUND(numeric_ceil32, float, ceilf)
NUMERIC_ROUND(numeric_floor32, float, floorf)
NUMERIC_ROUND(numeric_trunc32, float, truncf)
NUMERIC_ROUND(numeric_nearest32, float, rintf)
NUMERIC_ROUND(numeric_sqrt32, float, sqrtf)
NUMERIC_ROUND(numeric_ceil64, double, ceil)
NUMERIC_ROUND(numeric_floor64, double, floor)
NUMERIC_ROUND(numeric_trunc64, double, trunc)
NUMERIC_ROUND(numeric_nearest64, double, rint)
NUMERIC_ROUND(numeric_sqrt64, double, sqrt)
#undef NUMERIC_ROUND

/* Equal operands may be zeros of either sign: the sign bits decide. */
static inline float numeric_min32(float a, float b)
{
    if (isnan(a) || isnan(b))
        return a + b;
    if (a == b)
        return numeric_f32(numeric_of_f32(a) | numeric_of_f32(b));
    return a < b ? a : b;
}

static inline float numeric_max32(float a, float b)
{
    if (isnan(a) || isnan(b))
        return a + b;
    if (a == b)
        return numeric_f32(numeric_of_f32(a) & numeric_of_f32(b));
    return a > b ? a : b;
}

static inline double numeric_min64(double a, double b)
{
    if (isnan(a) || isnan(b))
        return a + b;
    if (a == b)
        return numeric_f64(numeric_of_f64(a) | numeric_of_f64(b));
    return a < b ? a : b;
}

static inline double numeric_max64(double a, double b)
{
    if (isnan(a) || isnan(b))
        return a + b;
    if (a == b)
        return numeric_f64(numeric_of_f64(a) & numeric_of_f64(b));
    return a > b ? a : b;
}

/* clang-format off */
/* a, b: uint32_t; s, t: the same as int32_t. */
#define NUMERIC_I32_BINARY(X)                                                                   \
    X(I32_EQ, a == b) X(I32_NE, a != b) X(I32_LT_S, s < t) X(I32_LT_U, a < b)                   \
    X(I32_GT_S, s > t) X(I32_GT_U, a > b) X(I32_LE_S, s <= t) X(I32_LE_U, a <= b)               \
    X(I32_GE_S, s >= t) X(I32_GE_U, a >= b)                                                     \
    X(I32_ADD, a + b) X(I32_SUB, a - b) X(I32_MUL, a * b)                                       \
    X(I32_AND, a & b) X(I32_OR, a | b) X(I32_XOR, a ^ b)                                        \
    X(I32_SHL, a << (b & 31)) X(I32_SHR_S, s >> (b & 31)) X(I32_SHR_U, a >> (b & 31))           \
    X(I32_ROTL, numeric_rotl32(a, b)) X(I32_ROTR, numeric_rotl32(a, -b))

#define NUMERIC_I32_UNARY(X)                                                                    \
    X(I32_EQZ, a == 0) X(I32_CLZ, a == 0 ? 32 : __builtin_clz(a))                               \
    X(I32_CTZ, a == 0 ? 32 : __builtin_ctz(a)) X(I32_POPCNT, __builtin_popcount(a))             \
    X(I32_EXTEND8_S, (int8_t)a) X(I32_EXTEND16_S, (int16_t)a)                                   \
    X(I32_REINTERPRET_F32, a) X(F32_REINTERPRET_I32, a)                                         \
    X(F32_ABS, a & 0x7fffffffu) X(F32_NEG, a ^ 0x80000000u)

#define NUMERIC_I64_COMPARE(X)                                                                  \
    X(I64_EQ, a == b) X(I64_NE, a != b) X(I64_LT_S, s < t) X(I64_LT_U, a < b)                   \
    X(I64_GT_S, s > t) X(I64_GT_U, a > b) X(I64_LE_S, s <= t) X(I64_LE_U, a <= b)               \
    X(I64_GE_S, s >= t) X(I64_GE_U, a >= b)

#define NUMERIC_I64_BINARY(X)                                                                   \
    X(I64_ADD, a + b) X(I64_SUB, a - b) X(I64_MUL, a * b)                                       \
    X(I64_AND, a & b) X(I64_OR, a | b) X(I64_XOR, a ^ b)                                        \
    X(I64_SHL, a << (b & 63)) X(I64_SHR_S, s >> (b & 63)) X(I64_SHR_U, a >> (b & 63))           \
    X(I64_ROTL, numeric_rotl64(a, b)) X(I64_ROTR, numeric_rotl64(a, -b))                        \
    X(F32_COPYSIGN, (a & 0x7fffffffu) | (b & 0x80000000u))                                      \
    X(F64_COPYSIGN, (a & (UINT64_MAX >> 1)) | (b & ~(UINT64_MAX >> 1)))

/* a: the uint64_t cell, whatever is in it. */
#define NUMERIC_CELL_UNARY(X)                                                                   \
    X(I64_EQZ, a == 0) X(I64_CLZ, a == 0 ? 64 : __builtin_clzll(a))                             \
    X(I64_CTZ, a == 0 ? 64 : __builtin_ctzll(a)) X(I64_POPCNT, __builtin_popcountll(a))         \
    X(I64_EXTEND8_S, (int8_t)a) X(I64_EXTEND16_S, (int16_t)a) X(I64_EXTEND32_S, (int32_t)a)     \
    X(I64_EXTEND_I32_S, (int32_t)a) X(I64_EXTEND_I32_U, (uint32_t)a)                            \
    X(I32_WRAP_I64, (uint32_t)a)                                                                \
    X(I64_REINTERPRET_F64, a) X(F64_REINTERPRET_I64, a)                                         \
    X(F64_ABS, a & (UINT64_MAX >> 1)) X(F64_NEG, a ^ ~(UINT64_MAX >> 1))                        \
    X(F32_CONVERT_I32_S, numeric_of_f32((float)(int32_t)a))                                     \
    X(F32_CONVERT_I32_U, numeric_of_f32((float)(uint32_t)a))                                    \
    X(F32_CONVERT_I64_S, numeric_of_f32((float)(int64_t)a))                                     \
    X(F32_CONVERT_I64_U, numeric_of_f32((float)a))                                              \
    X(F64_CONVERT_I32_S, numeric_of_f64((double)(int32_t)a))                                    \
    X(F64_CONVERT_I32_U, numeric_of_f64((double)(uint32_t)a))                                   \
    X(F64_CONVERT_I64_S, numeric_of_f64((double)(int64_t)a))                                    \
    X(F64_CONVERT_I64_U, numeric_of_f64((double)a))                                             \
    X(F32_DEMOTE_F64, numeric_of_f32((float)numeric_f64(a)))                                    \
    X(F64_PROMOTE_F32, numeric_of_f64((double)numeric_f32(a)))                                  \
    X(F32_CEIL, numeric_of_f32(numeric_ceil32(numeric_f32(a))))                                          \
    X(F32_FLOOR, numeric_of_f32(numeric_floor32(numeric_f32(a))))                                        \
    X(F32_TRUNC, numeric_of_f32(numeric_trunc32(numeric_f32(a))))                                        \
    X(F32_NEAREST, numeric_of_f32(numeric_nearest32(numeric_f32(a))))                                       \
    X(F32_SQRT, numeric_of_f32(numeric_sqrt32(numeric_f32(a))))                                          \
    X(F64_CEIL, numeric_of_f64(numeric_ceil64(numeric_f64(a))))                                           \
    X(F64_FLOOR, numeric_of_f64(numeric_floor64(numeric_f64(a))))                                         \
    X(F64_TRUNC, numeric_of_f64(numeric_trunc64(numeric_f64(a))))                                         \
    X(F64_NEAREST, numeric_of_f64(numeric_nearest64(numeric_f64(a))))                                        \
    X(F64_SQRT, numeric_of_f64(numeric_sqrt64(numeric_f64(a))))

/* a, b: float, then double. */
#define NUMERIC_F32_COMPARE(X)                                                                  \
    X(F32_EQ, a == b) X(F32_NE, a != b) X(F32_LT, a < b) X(F32_GT, a > b)                       \
    X(F32_LE, a <= b) X(F32_GE, a >= b)

#define NUMERIC_F64_COMPARE(X)                                                                  \
    X(F64_EQ, a == b) X(F64_NE, a != b) X(F64_LT, a < b) X(F64_GT, a > b)                       \
    X(F64_LE, a <= b) X(F64_GE, a >= b)

#define NUMERIC_F32_BINARY(X)                                                                   \
    X(F32_ADD, a + b) X(F32_SUB, a - b) X(F32_MUL, a * b) X(F32_DIV, a / b)                     \
    X(F32_MIN, numeric_min32(a, b)) X(F32_MAX, numeric_max32(a, b))

#define NUMERIC_F64_BINARY(X)                                                                   \
    X(F64_ADD, a + b) X(F64_SUB, a - b) X(F64_MUL, a * b) X(F64_DIV, a / b)                     \
    X(F64_MIN, numeric_min64(a, b)) X(F64_MAX, numeric_max64(a, b))

/* name, operand type, the name of its saturating form, not too low, not too high, result type,
 * least and greatest result.  The bounds are exact in the operand's type. */
#define NUMERIC_TRUNCATE(X)                                                                     \
    X(I32_TRUNC_F32_S, f32, I32_TRUNC_SAT_F32_S, a >= -0x1p31f, a < 0x1p31f,                    \
      int32_t, uint32_t, INT32_MIN, INT32_MAX)                                                  \
    X(I32_TRUNC_F32_U, f32, I32_TRUNC_SAT_F32_U, a > -1.0f, a < 0x1p32f,                        \
      uint32_t, uint32_t, 0, UINT32_MAX)                                                        \
    X(I32_TRUNC_F64_S, f64, I32_TRUNC_SAT_F64_S, a > -2147483649.0, a < 0x1p31,                 \
      int32_t, uint32_t, INT32_MIN, INT32_MAX)                                                  \
    X(I32_TRUNC_F64_U, f64, I32_TRUNC_SAT_F64_U, a > -1.0, a < 0x1p32,                          \
      uint32_t, uint32_t, 0, UINT32_MAX)                                                        \
    X(I64_TRUNC_F32_S, f32, I64_TRUNC_SAT_F32_S, a >= -0x1p63f, a < 0x1p63f,                    \
      int64_t, uint64_t, INT64_MIN, INT64_MAX)                                                  \
    X(I64_TRUNC_F32_U, f32, I64_TRUNC_SAT_F32_U, a > -1.0f, a < 0x1p64f,                        \
      uint64_t, uint64_t, 0, UINT64_MAX)                                                        \
    X(I64_TRUNC_F64_S, f64, I64_TRUNC_SAT_F64_S, a >= -0x1p63, a < 0x1p63,                      \
      int64_t, uint64_t, INT64_MIN, INT64_MAX)                                                  \
    X(I64_TRUNC_F64_U, f64, I64_TRUNC_SAT_F64_U, a > -1.0, a < 0x1p64,                          \
      uint64_t, uint64_t, 0, UINT64_MAX)

/* name, type, zero divides alike, overflow of the least value by -1. */
#define NUMERIC_DIVIDE(X)                                                                       \
    X(I32_DIV_S, uint32_t, b == UINT32_MAX && a == 0x80000000u, (int32_t)a / (int32_t)b)        \
    X(I32_DIV_U, uint32_t, false, a / b)                                                        \
    X(I32_REM_S, uint32_t, false, b == UINT32_MAX ? 0 : (int32_t)a % (int32_t)b)                \
    X(I32_REM_U, uint32_t, false, a % b)                                                        \
    X(I64_DIV_S, uint64_t, b == UINT64_MAX && a == 1ull << 63, (int64_t)a / (int64_t)b)         \
    X(I64_DIV_U, uint64_t, false, a / b)                                                        \
    X(I64_REM_S, uint64_t, false, b == UINT64_MAX ? 0 : (int64_t)a % (int64_t)b)                \
    X(I64_REM_U, uint64_t, false, a % b)

/* name, type in memory, type it widens to. */
#define NUMERIC_LOAD(X)                                                                         \
    X(I32_LOAD, uint32_t, uint32_t) X(I64_LOAD, uint64_t, uint64_t)                             \
    X(F32_LOAD, uint32_t, uint32_t) X(F64_LOAD, uint64_t, uint64_t)                             \
    X(I32_LOAD8_S, int8_t, uint32_t) X(I32_LOAD8_U, uint8_t, uint32_t)                          \
    X(I32_LOAD16_S, int16_t, uint32_t) X(I32_LOAD16_U, uint16_t, uint32_t)                      \
    X(I64_LOAD8_S, int8_t, uint64_t) X(I64_LOAD8_U, uint8_t, uint64_t)                          \
    X(I64_LOAD16_S, int16_t, uint64_t) X(I64_LOAD16_U, uint16_t, uint64_t)                      \
    X(I64_LOAD32_S, int32_t, uint64_t) X(I64_LOAD32_U, uint32_t, uint64_t)

#define NUMERIC_STORE(X)                                                                        \
    X(I32_STORE, uint32_t) X(I64_STORE, uint64_t) X(F32_STORE, uint32_t)                        \
    X(F64_STORE, uint64_t) X(I32_STORE8, uint8_t) X(I32_STORE16, uint16_t)                      \
    X(I64_STORE8, uint8_t) X(I64_STORE16, uint16_t) X(I64_STORE32, uint32_t)
/* clang-format on */

#endif
