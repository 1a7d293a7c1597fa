/* interp/ops.h - the instructions that the interpreter runs.  Layer: wasm.
 *
 * Numeric instructions, loads and stores keep their names and are described by one row each:
 * binary opcode, name, operand types, result type (i I f F as in module.h).  The rest of the
 * lowered code is OTHER: what is left of control flow once branches know where they go.  */
#ifndef BERTHI_INTERP_OPS_H
#define BERTHI_INTERP_OPS_H

/* clang-format off */
#define INTERP_NUMERIC(X)                                                                       \
    X(0x45, I32_EQZ, "i", 'i') X(0x46, I32_EQ, "ii", 'i')                                       \
    X(0x47, I32_NE, "ii", 'i') X(0x48, I32_LT_S, "ii", 'i')                                     \
    X(0x49, I32_LT_U, "ii", 'i') X(0x4a, I32_GT_S, "ii", 'i')                                   \
    X(0x4b, I32_GT_U, "ii", 'i') X(0x4c, I32_LE_S, "ii", 'i')                                   \
    X(0x4d, I32_LE_U, "ii", 'i') X(0x4e, I32_GE_S, "ii", 'i')                                   \
    X(0x4f, I32_GE_U, "ii", 'i') X(0x50, I64_EQZ, "I", 'i')                                     \
    X(0x51, I64_EQ, "II", 'i') X(0x52, I64_NE, "II", 'i')                                       \
    X(0x53, I64_LT_S, "II", 'i') X(0x54, I64_LT_U, "II", 'i')                                   \
    X(0x55, I64_GT_S, "II", 'i') X(0x56, I64_GT_U, "II", 'i')                                   \
    X(0x57, I64_LE_S, "II", 'i') X(0x58, I64_LE_U, "II", 'i')                                   \
    X(0x59, I64_GE_S, "II", 'i') X(0x5a, I64_GE_U, "II", 'i')                                   \
    X(0x5b, F32_EQ, "ff", 'i') X(0x5c, F32_NE, "ff", 'i')                                       \
    X(0x5d, F32_LT, "ff", 'i') X(0x5e, F32_GT, "ff", 'i')                                       \
    X(0x5f, F32_LE, "ff", 'i') X(0x60, F32_GE, "ff", 'i')                                       \
    X(0x61, F64_EQ, "FF", 'i') X(0x62, F64_NE, "FF", 'i')                                       \
    X(0x63, F64_LT, "FF", 'i') X(0x64, F64_GT, "FF", 'i')                                       \
    X(0x65, F64_LE, "FF", 'i') X(0x66, F64_GE, "FF", 'i')                                       \
    X(0x67, I32_CLZ, "i", 'i') X(0x68, I32_CTZ, "i", 'i')                                       \
    X(0x69, I32_POPCNT, "i", 'i') X(0x6a, I32_ADD, "ii", 'i')                                   \
    X(0x6b, I32_SUB, "ii", 'i') X(0x6c, I32_MUL, "ii", 'i')                                     \
    X(0x6d, I32_DIV_S, "ii", 'i') X(0x6e, I32_DIV_U, "ii", 'i')                                 \
    X(0x6f, I32_REM_S, "ii", 'i') X(0x70, I32_REM_U, "ii", 'i')                                 \
    X(0x71, I32_AND, "ii", 'i') X(0x72, I32_OR, "ii", 'i')                                      \
    X(0x73, I32_XOR, "ii", 'i') X(0x74, I32_SHL, "ii", 'i')                                     \
    X(0x75, I32_SHR_S, "ii", 'i') X(0x76, I32_SHR_U, "ii", 'i')                                 \
    X(0x77, I32_ROTL, "ii", 'i') X(0x78, I32_ROTR, "ii", 'i')                                   \
    X(0x79, I64_CLZ, "I", 'I') X(0x7a, I64_CTZ, "I", 'I')                                       \
    X(0x7b, I64_POPCNT, "I", 'I') X(0x7c, I64_ADD, "II", 'I')                                   \
    X(0x7d, I64_SUB, "II", 'I') X(0x7e, I64_MUL, "II", 'I')                                     \
    X(0x7f, I64_DIV_S, "II", 'I') X(0x80, I64_DIV_U, "II", 'I')                                 \
    X(0x81, I64_REM_S, "II", 'I') X(0x82, I64_REM_U, "II", 'I')                                 \
    X(0x83, I64_AND, "II", 'I') X(0x84, I64_OR, "II", 'I')                                      \
    X(0x85, I64_XOR, "II", 'I') X(0x86, I64_SHL, "II", 'I')                                     \
    X(0x87, I64_SHR_S, "II", 'I') X(0x88, I64_SHR_U, "II", 'I')                                 \
    X(0x89, I64_ROTL, "II", 'I') X(0x8a, I64_ROTR, "II", 'I')                                   \
    X(0x8b, F32_ABS, "f", 'f') X(0x8c, F32_NEG, "f", 'f')                                       \
    X(0x8d, F32_CEIL, "f", 'f') X(0x8e, F32_FLOOR, "f", 'f')                                    \
    X(0x8f, F32_TRUNC, "f", 'f') X(0x90, F32_NEAREST, "f", 'f')                                 \
    X(0x91, F32_SQRT, "f", 'f') X(0x92, F32_ADD, "ff", 'f')                                     \
    X(0x93, F32_SUB, "ff", 'f') X(0x94, F32_MUL, "ff", 'f')                                     \
    X(0x95, F32_DIV, "ff", 'f') X(0x96, F32_MIN, "ff", 'f')                                     \
    X(0x97, F32_MAX, "ff", 'f') X(0x98, F32_COPYSIGN, "ff", 'f')                                \
    X(0x99, F64_ABS, "F", 'F') X(0x9a, F64_NEG, "F", 'F')                                       \
    X(0x9b, F64_CEIL, "F", 'F') X(0x9c, F64_FLOOR, "F", 'F')                                    \
    X(0x9d, F64_TRUNC, "F", 'F') X(0x9e, F64_NEAREST, "F", 'F')                                 \
    X(0x9f, F64_SQRT, "F", 'F') X(0xa0, F64_ADD, "FF", 'F')                                     \
    X(0xa1, F64_SUB, "FF", 'F') X(0xa2, F64_MUL, "FF", 'F')                                     \
    X(0xa3, F64_DIV, "FF", 'F') X(0xa4, F64_MIN, "FF", 'F')                                     \
    X(0xa5, F64_MAX, "FF", 'F') X(0xa6, F64_COPYSIGN, "FF", 'F')                                \
    X(0xa7, I32_WRAP_I64, "I", 'i') X(0xa8, I32_TRUNC_F32_S, "f", 'i')                          \
    X(0xa9, I32_TRUNC_F32_U, "f", 'i') X(0xaa, I32_TRUNC_F64_S, "F", 'i')                       \
    X(0xab, I32_TRUNC_F64_U, "F", 'i') X(0xac, I64_EXTEND_I32_S, "i", 'I')                      \
    X(0xad, I64_EXTEND_I32_U, "i", 'I') X(0xae, I64_TRUNC_F32_S, "f", 'I')                      \
    X(0xaf, I64_TRUNC_F32_U, "f", 'I') X(0xb0, I64_TRUNC_F64_S, "F", 'I')                       \
    X(0xb1, I64_TRUNC_F64_U, "F", 'I') X(0xb2, F32_CONVERT_I32_S, "i", 'f')                     \
    X(0xb3, F32_CONVERT_I32_U, "i", 'f') X(0xb4, F32_CONVERT_I64_S, "I", 'f')                   \
    X(0xb5, F32_CONVERT_I64_U, "I", 'f') X(0xb6, F32_DEMOTE_F64, "F", 'f')                      \
    X(0xb7, F64_CONVERT_I32_S, "i", 'F') X(0xb8, F64_CONVERT_I32_U, "i", 'F')                   \
    X(0xb9, F64_CONVERT_I64_S, "I", 'F') X(0xba, F64_CONVERT_I64_U, "I", 'F')                   \
    X(0xbb, F64_PROMOTE_F32, "f", 'F') X(0xbc, I32_REINTERPRET_F32, "f", 'i')                   \
    X(0xbd, I64_REINTERPRET_F64, "F", 'I') X(0xbe, F32_REINTERPRET_I32, "i", 'f')               \
    X(0xbf, F64_REINTERPRET_I64, "I", 'F') X(0xc0, I32_EXTEND8_S, "i", 'i')                     \
    X(0xc1, I32_EXTEND16_S, "i", 'i') X(0xc2, I64_EXTEND8_S, "I", 'I')                          \
    X(0xc3, I64_EXTEND16_S, "I", 'I') X(0xc4, I64_EXTEND32_S, "I", 'I')

/* Behind the prefix 0xfc. */
#define INTERP_SATURATING(X)                                                                    \
    X(0x00, I32_TRUNC_SAT_F32_S, "f", 'i') X(0x01, I32_TRUNC_SAT_F32_U, "f", 'i')               \
    X(0x02, I32_TRUNC_SAT_F64_S, "F", 'i') X(0x03, I32_TRUNC_SAT_F64_U, "F", 'i')               \
    X(0x04, I64_TRUNC_SAT_F32_S, "f", 'I') X(0x05, I64_TRUNC_SAT_F32_U, "f", 'I')               \
    X(0x06, I64_TRUNC_SAT_F64_S, "F", 'I') X(0x07, I64_TRUNC_SAT_F64_U, "F", 'I')

/* Binary opcode, name, log2 of the bytes moved, type. */
#define INTERP_LOADS(X)                                                                         \
    X(0x28, I32_LOAD, 2, 'i') X(0x29, I64_LOAD, 3, 'I')                                         \
    X(0x2a, F32_LOAD, 2, 'f') X(0x2b, F64_LOAD, 3, 'F')                                         \
    X(0x2c, I32_LOAD8_S, 0, 'i') X(0x2d, I32_LOAD8_U, 0, 'i')                                   \
    X(0x2e, I32_LOAD16_S, 1, 'i') X(0x2f, I32_LOAD16_U, 1, 'i')                                 \
    X(0x30, I64_LOAD8_S, 0, 'I') X(0x31, I64_LOAD8_U, 0, 'I')                                   \
    X(0x32, I64_LOAD16_S, 1, 'I') X(0x33, I64_LOAD16_U, 1, 'I')                                 \
    X(0x34, I64_LOAD32_S, 2, 'I') X(0x35, I64_LOAD32_U, 2, 'I')

#define INTERP_STORES(X)                                                                        \
    X(0x36, I32_STORE, 2, 'i') X(0x37, I64_STORE, 3, 'I')                                       \
    X(0x38, F32_STORE, 2, 'f') X(0x39, F64_STORE, 3, 'F')                                       \
    X(0x3a, I32_STORE8, 0, 'i') X(0x3b, I32_STORE16, 1, 'i')                                    \
    X(0x3c, I64_STORE8, 0, 'I') X(0x3d, I64_STORE16, 1, 'I')                                    \
    X(0x3e, I64_STORE32, 2, 'I')

#define INTERP_OTHER(X)                                                                         \
    X(UNREACHABLE) X(LOOP) X(JUMP) X(JUMP_IF) X(JUMP_IF_NOT)                                    \
    X(BRANCH) X(BRANCH_IF) X(BRANCH_TABLE) X(RETURN) X(CALL)                                    \
    X(CALL_INDIRECT) X(DROP) X(SELECT) X(LOCAL_GET) X(LOCAL_SET)                                \
    X(LOCAL_TEE) X(GLOBAL_GET) X(GLOBAL_SET) X(TABLE_GET) X(TABLE_SET)                          \
    X(MEMORY_SIZE) X(MEMORY_GROW) X(CONST32) X(CONST64) X(REF_IS_NULL)                          \
    X(REF_FUNC) X(MEMORY_INIT) X(DATA_DROP) X(MEMORY_COPY) X(MEMORY_FILL)                       \
    X(TABLE_INIT) X(ELEM_DROP) X(TABLE_COPY) X(TABLE_GROW) X(TABLE_SIZE)                        \
    X(TABLE_FILL) X(USE_MEMORY) X(RETURN_CALL) X(RETURN_CALL_INDIRECT)                        \
    X(NARROW) X(MEMORY_GROW64) X(OUT_OF_BOUNDS)

/* clang-format on */

enum interp_op {
#define X4(opcode, name, ins, out) OP_##name,
#define X1(name)                   OP_##name,
    INTERP_NUMERIC(X4) INTERP_SATURATING(X4) INTERP_LOADS(X4) INTERP_STORES(X4) INTERP_OTHER(X1)
#undef X4
#undef X1
        OPS_COUNT
};

#endif
