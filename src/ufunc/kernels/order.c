/* order: the orderers of one ISA: how each dtype becomes keys, and how results are written home.
 * Compiled once per ISA.  Floor: ufunc/kernels. */
#include "ufunc/kernels/packed.h"

enum { FEW = 24 };

/* Element `place` of the line is result number i. */
ALWAYS void put(const rt_order_line *l, intptr_t size, intptr_t i, uint32_t place)
{
    if (l->index) *(int64_t *)(l->index + i * l->index_step) = place;
    if (l->values) memcpy(l->values + i * l->value_step, l->x + (intptr_t)place * l->step, (size_t)size);
}

#define PUT(bytes, type) \
    case bytes: \
        for (intptr_t i = 0; i < l->n; i++) \
            *(type *)(l->values + i * l->value_step) = *(const type *)(l->x + (intptr_t)(uint32_t)r[i] * l->step); \
        break

/* Results in the order of the places in r's lower halves. */
static void put_all(const rt_order_line *l, intptr_t size, const uint64_t *r)
{
    if (l->values) {
        switch (size) {
        PUT(1, uint8_t);
        PUT(2, uint16_t);
        PUT(4, uint32_t);
        PUT(8, uint64_t);
        }
    }
    if (l->index && l->index_step == 8)
        for (intptr_t i = 0; i < l->n; i++) ((int64_t *)l->index)[i] = (uint32_t)r[i];
    else if (l->index)
        for (intptr_t i = 0; i < l->n; i++) *(int64_t *)(l->index + i * l->index_step) = (uint32_t)r[i];
}

#define KEY uint32_t
#define KEY_BITS 32
#include "ufunc/kernels/order_body.h"
#define KEY uint64_t
#define KEY_BITS 64
#include "ufunc/kernels/order_body.h"

/* The bits of a floating number as a key: negative ones turned over; its quiet and signalling NaNs are one. */
#define FLOAT_KEY(unsigned_type, signed_type, bits, infinity) \
    const unsigned_type sign = (unsigned_type)((unsigned_type)1 << (bits - 1)), size_bits = (unsigned_type)(u & ~sign); \
    const int is_nan = size_bits > (unsigned_type)(infinity); \
    nans += (uint32_t)is_nan; \
    u = size_bits ? u : 0; \
    u = (unsigned_type)(u ^ ((unsigned_type)((signed_type)u >> (bits - 1)) | sign)); \
    u = is_nan ? (unsigned_type)~(unsigned_type)0 : u;
#define UNSIGNED_KEY(unsigned_type, signed_type, bits, infinity)
#define SIGNED_KEY(unsigned_type, signed_type, bits, infinity) u = (unsigned_type)(u ^ (unsigned_type)((unsigned_type)1 << (bits - 1)));

#define READ_LOOP(kind, unsigned_type, signed_type, bits, infinity, key_bits, step_bytes) \
    for (intptr_t i = 0; i < n; i++) { \
        unsigned_type u = *(const unsigned_type *)(x + i * (step_bytes)); \
        kind##_KEY(unsigned_type, signed_type, bits, infinity) \
        const uint##key_bits##_t key = (uint##key_bits##_t)u ^ flip; \
        at[i] = key; \
        low = key < low ? key : low; \
        high = key > high ? key : high; \
    }

#define ORDERER(word, kind, unsigned_type, signed_type, bits, infinity, key_bits) \
    static void read_##word(const char *x, intptr_t step, uint##key_bits##_t flip, keys_##key_bits *k) \
    { \
        const intptr_t n = k->n; \
        uint##key_bits##_t *const restrict at = k->at, low = (uint##key_bits##_t)~(uint##key_bits##_t)0, high = 0; \
        uint##key_bits##_t nans = 0; \
        (void)nans; \
        if (step == bits / 8) { \
            READ_LOOP(kind, unsigned_type, signed_type, bits, infinity, key_bits, bits / 8) \
        } else { \
            READ_LOOP(kind, unsigned_type, signed_type, bits, infinity, key_bits, step) \
        } \
        k->low = low, k->high = high, k->nans = (intptr_t)nans; \
    } \
    static void sort_##word(const rt_order_line *l, int descending) \
    { sort##key_bits(l, read_##word, descending ? (uint##key_bits##_t)-1 : 0, bits / 8); } \
    static void top_##word(const rt_order_line *l, intptr_t k, int descending, int sorted) \
    { top##key_bits(l, read_##word, descending ? (uint##key_bits##_t)-1 : 0, bits / 8, k, sorted); } \
    static void rank_##word(const rt_order_line *l, rt_rank_kind kind_, intptr_t k) \
    { rank##key_bits(l, read_##word, bits / 8, kind_, k); } \
    static void mode_##word(const rt_order_line *l) { mode##key_bits(l, read_##word, bits / 8); }
ORDERER(u8, UNSIGNED, uint8_t, int8_t, 8, 0, 32)
ORDERER(i8, SIGNED, uint8_t, int8_t, 8, 0, 32)
ORDERER(u16, UNSIGNED, uint16_t, int16_t, 16, 0, 32)
ORDERER(i16, SIGNED, uint16_t, int16_t, 16, 0, 32)
ORDERER(u32, UNSIGNED, uint32_t, int32_t, 32, 0, 32)
ORDERER(i32, SIGNED, uint32_t, int32_t, 32, 0, 32)
ORDERER(u64, UNSIGNED, uint64_t, int64_t, 64, 0, 64)
ORDERER(i64, SIGNED, uint64_t, int64_t, 64, 0, 64)
ORDERER(f16, FLOAT, uint16_t, int16_t, 16, 0x7c00, 32)
ORDERER(bf16, FLOAT, uint16_t, int16_t, 16, 0x7f80, 32)
ORDERER(f32, FLOAT, uint32_t, int32_t, 32, 0x7f800000u, 32)
ORDERER(f64, FLOAT, uint64_t, int64_t, 64, 0x7ff0000000000000u, 64)

#define ROW(word) {sort_##word, top_##word, rank_##word, mode_##word}
rt_orderer_table RT_ISA_NAME(orderers) = {
    [RT_b1] = ROW(u8), [RT_u8] = ROW(u8), [RT_i8] = ROW(i8), [RT_u16] = ROW(u16), [RT_i16] = ROW(i16),
    [RT_u32] = ROW(u32), [RT_i32] = ROW(i32), [RT_u64] = ROW(u64), [RT_i64] = ROW(i64),
    [RT_f16] = ROW(f16), [RT_bf16] = ROW(bf16), [RT_f32] = ROW(f32), [RT_f64] = ROW(f64),
};
