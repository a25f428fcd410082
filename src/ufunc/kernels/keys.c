/* keys: elements to keys and back, and keys to their numbers in a range, for each dtype.
 * Compiled once per ISA.  Floor: ufunc/kernels. */
#include "ufunc/kernels/table.h"
#include "ufunc/kernels/keys.h"

/* s: the element's bits, signed.  Negative floating numbers are turned over below their sign. */
#define SIGNED_TO(type, unsigned_type, bits, infinity, key) (key)s
#define UNSIGNED_TO(type, unsigned_type, bits, infinity, key) \
    (sizeof(key) * 8 > bits ? (key)(unsigned_type)s : (key)((unsigned_type)s ^ (unsigned_type)1 << (bits - 1)))
#define TURNED(type, bits) (type)(s ^ ((s >> (bits - 1)) & (type)~((type)1 << (bits - 1))))
#define FLOAT_TO(type, unsigned_type, bits, infinity, key) (is_nan ? (key)(type)~((type)1 << (bits - 1)) : (key)TURNED(type, bits))

#define IS_NAN_SIGNED(type, bits, infinity) 0
#define IS_NAN_UNSIGNED(type, bits, infinity) 0
#define IS_NAN_FLOAT(type, bits, infinity) ((type)(s & (type)~((type)1 << (bits - 1))) > (type)(infinity))
#define IS_ZERO_SIGNED(type, bits) 0
#define IS_ZERO_UNSIGNED(type, bits) 0
#define IS_ZERO_FLOAT(type, bits) (s == (type)((type)1 << (bits - 1)))

#define SIGNED_FROM(type, unsigned_type, bits, key) s
#define UNSIGNED_FROM(type, unsigned_type, bits, key) \
    (sizeof(key) * 8 > bits ? s : (type)((unsigned_type)s ^ (unsigned_type)1 << (bits - 1)))
#define FLOAT_FROM(type, unsigned_type, bits, key) TURNED(type, bits)

#define READ_LOOP(kind, type, unsigned_type, bits, infinity, key, step_bytes) \
    for (intptr_t i = 0; i < n; i++) { \
        const type s = *(const type *)(x + i * (step_bytes)); \
        const int is_nan = IS_NAN_##kind(type, bits, infinity); \
        (void)is_nan; \
        nans += (key)is_nan; \
        zeros += (key)IS_ZERO_##kind(type, bits); \
        to[i] = kind##_TO(type, unsigned_type, bits, infinity, key) ^ turn; \
    }

#define KEYS(word, kind, type, unsigned_type, bits, infinity, key) \
    static void read_##word(const char *x, intptr_t step, intptr_t n, int64_t flip, void *keys, rt_keys_found *found) \
    { \
        key *const restrict to = keys, turn = (key)flip; \
        key nans = 0, zeros = 0; \
        if (step == bits / 8) { \
            READ_LOOP(kind, type, unsigned_type, bits, infinity, key, bits / 8) \
        } else { \
            READ_LOOP(kind, type, unsigned_type, bits, infinity, key, step) \
        } \
        found->nans += (intptr_t)nans; \
        found->negative_zeros += (intptr_t)zeros; \
    } \
    static void write_##word(const void *keys, intptr_t n, int64_t flip, char *out, intptr_t step) \
    { \
        const key *const from = keys, turn = (key)flip; \
        if (step == bits / 8) { \
            for (intptr_t i = 0; i < n; i++) { \
                const type s = (type)(from[i] ^ turn); \
                ((type *)out)[i] = kind##_FROM(type, unsigned_type, bits, key); \
            } \
        } else { \
            for (intptr_t i = 0; i < n; i++) { \
                const type s = (type)(from[i] ^ turn); \
                *(type *)(out + i * step) = kind##_FROM(type, unsigned_type, bits, key); \
            } \
        } \
    }
KEYS(u8, UNSIGNED, int8_t, uint8_t, 8, 0, int32_t)
KEYS(i8, SIGNED, int8_t, uint8_t, 8, 0, int32_t)
KEYS(u16, UNSIGNED, int16_t, uint16_t, 16, 0, int32_t)
KEYS(i16, SIGNED, int16_t, uint16_t, 16, 0, int32_t)
KEYS(u32, UNSIGNED, int32_t, uint32_t, 32, 0, int32_t)
KEYS(i32, SIGNED, int32_t, uint32_t, 32, 0, int32_t)
KEYS(u64, UNSIGNED, int64_t, uint64_t, 64, 0, int64_t)
KEYS(i64, SIGNED, int64_t, uint64_t, 64, 0, int64_t)
KEYS(f16, FLOAT, int16_t, uint16_t, 16, 0x7c00, int32_t)
KEYS(bf16, FLOAT, int16_t, uint16_t, 16, 0x7f80, int32_t)
KEYS(f32, FLOAT, int32_t, uint32_t, 32, 0x7f800000, int32_t)
KEYS(f64, FLOAT, int64_t, uint64_t, 64, 0x7ff0000000000000, int64_t)

#define NUMBER(type, unsigned_type, bits) \
    static void number_##bits(const void *keys, intptr_t n, const rt_keys_range *range, uint16_t *out) \
    { \
        const type *const k = keys, low = (type)range->low, high = (type)range->high; \
        for (intptr_t i = 0; i < n; i++) { \
            type v = k[i] < low ? low : k[i]; \
            v = v > high ? high : v; \
            out[i] = (uint16_t)((unsigned_type)v - (unsigned_type)low); \
        } \
    }
NUMBER(int32_t, uint32_t, 32)
NUMBER(int64_t, uint64_t, 64)

#define ROW(word, key_bits, plain) {key_bits / 8, plain, read_##word, write_##word, number_##key_bits}
rt_keys_table RT_ISA_NAME(keys) = {
    [RT_b1] = ROW(u8, 32, 0), [RT_u8] = ROW(u8, 32, 0), [RT_i8] = ROW(i8, 32, 0), [RT_u16] = ROW(u16, 32, 0),
    [RT_i16] = ROW(i16, 32, 0), [RT_u32] = ROW(u32, 32, 0), [RT_i32] = ROW(i32, 32, 1), [RT_u64] = ROW(u64, 64, 0),
    [RT_i64] = ROW(i64, 64, 1), [RT_f16] = ROW(f16, 32, 0), [RT_bf16] = ROW(bf16, 32, 0), [RT_f32] = ROW(f32, 32, 0),
    [RT_f64] = ROW(f64, 64, 0),
};
