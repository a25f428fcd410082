/* key_vector: registers full of keys, for quick.c: minima, exchanges of lanes, and moving the lanes of a vector to
 * its two ends.  KEY_LANES is 1 where the instruction set has no such vectors.  Included by words i32 and i64 only.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_KEY_VECTOR_H
#define RT_UFUNC_KERNELS_KEY_VECTOR_H
#include "ufunc/kernels/word.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define KEY_BYTES_i32 4
#define KEY_BYTES_i64 8
#define KEY_BYTES PASTE(KEY_BYTES_, RT_WORD)
#if defined(__AVX512F__)
#define KEY_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define KEY_VECTOR_BYTES 32
#else
#define KEY_VECTOR_BYTES KEY_BYTES
#endif
#define KEY_LANES (KEY_VECTOR_BYTES / KEY_BYTES)

typedef element key;

#if KEY_LANES > 1
typedef key keys __attribute__((vector_size(KEY_VECTOR_BYTES)));
typedef key unaligned_keys __attribute__((vector_size(KEY_VECTOR_BYTES), aligned(1), may_alias));

ALWAYS keys keys_load(const key *p) { return *(const unaligned_keys *)p; }
ALWAYS void keys_store(key *p, keys v) { *(unaligned_keys *)p = v; }
ALWAYS keys keys_splat(key a) { return a - (keys){0}; }

/* The first m lanes (none where m < 0) of memory, those of `other` after them. */
#if KEY_VECTOR_BYTES == 64
#define KEY_FIRST(m) ((m) > 0 ? (1u << (m)) - 1 : 0)
#if KEY_BYTES == 8
ALWAYS keys keys_load_part(const key *p, intptr_t m, keys other)
{ return (keys)_mm512_mask_loadu_epi64((__m512i)other, (__mmask8)KEY_FIRST(m), p); }
ALWAYS void keys_store_part(key *p, intptr_t m, keys v) { _mm512_mask_storeu_epi64(p, (__mmask8)KEY_FIRST(m), (__m512i)v); }
#else
ALWAYS keys keys_load_part(const key *p, intptr_t m, keys other)
{ return (keys)_mm512_mask_loadu_epi32((__m512i)other, (__mmask16)KEY_FIRST(m), p); }
ALWAYS void keys_store_part(key *p, intptr_t m, keys v) { _mm512_mask_storeu_epi32(p, (__mmask16)KEY_FIRST(m), (__m512i)v); }
#endif
#elif KEY_BYTES == 8
ALWAYS __m256i keys_first(intptr_t m) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(m), _mm256_setr_epi64x(0, 1, 2, 3)); }
ALWAYS keys keys_load_part(const key *p, intptr_t m, keys other)
{
    const __m256i in = keys_first(m);
    return (keys)_mm256_blendv_epi8((__m256i)other, _mm256_maskload_epi64((const long long *)p, in), in);
}
ALWAYS void keys_store_part(key *p, intptr_t m, keys v) { _mm256_maskstore_epi64((long long *)p, keys_first(m), (__m256i)v); }
#else
ALWAYS __m256i keys_first(intptr_t m)
{ return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)m), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
ALWAYS keys keys_load_part(const key *p, intptr_t m, keys other)
{
    const __m256i in = keys_first(m);
    return (keys)_mm256_blendv_epi8((__m256i)other, _mm256_maskload_epi32(p, in), in);
}
ALWAYS void keys_store_part(key *p, intptr_t m, keys v) { _mm256_maskstore_epi32(p, keys_first(m), (__m256i)v); }
#endif

#if KEY_LANES == 16
#define KEY_LIST(F, a) F(0, a), F(1, a), F(2, a), F(3, a), F(4, a), F(5, a), F(6, a), F(7, a), F(8, a), F(9, a), F(10, a), \
                       F(11, a), F(12, a), F(13, a), F(14, a), F(15, a)
#elif KEY_LANES == 8
#define KEY_LIST(F, a) F(0, a), F(1, a), F(2, a), F(3, a), F(4, a), F(5, a), F(6, a), F(7, a)
#else
#define KEY_LIST(F, a) F(0, a), F(1, a), F(2, a), F(3, a)
#endif
#define KEY_XOR(k, by) ((k) ^ (by))
#define KEY_PICK(k, bit) ((k) & (bit) ? KEY_LANES + (k) : (k))
/* Lane k of v ^ by. */
#define KEYS_EXCHANGE(v, by) __builtin_shufflevector(v, v, KEY_LIST(KEY_XOR, by))
/* Lane k of b where k & bit, of a elsewhere. */
#define KEYS_MIX(a, b, bit) __builtin_shufflevector(a, b, KEY_LIST(KEY_PICK, bit))
/* Rows i and i + by after one step of turning a square: the lanes without `by` of both, and those with it. */
#define KEY_LOWS(k, by) ((k) & (by) ? KEY_LANES + (k) - (by) : (k))
#define KEY_HIGHS(k, by) ((k) & (by) ? KEY_LANES + (k) : (k) + (by))
#define KEYS_LOW(a, b, by) __builtin_shufflevector(a, b, KEY_LIST(KEY_LOWS, by))
#define KEYS_HIGH(a, b, by) __builtin_shufflevector(a, b, KEY_LIST(KEY_HIGHS, by))
/* The lanes without `by` of two vectors, and those with it, in an order that is quick; KEYS_WEAVE(a, b, 0 or 1) is the
 * first or second vector again after all such steps, from the greatest `by` to the least. */
#if KEY_LANES == 16
#define KEYS_BLOCKS(a, b, which) ((keys)_mm512_shuffle_i32x4((__m512i)(a), (__m512i)(b), which))
#define KEYS_ONES(a, b, which) ((keys)_mm512_shuffle_ps((__m512)(a), (__m512)(b), which))
#define KEYS_WITHOUT(a, b, by) ((by) == 4 ? KEYS_BLOCKS(a, b, 0x88) : (by) == 1 ? KEYS_ONES(a, b, 0x88) : KEYS_LOW(a, b, by))
#define KEYS_WITH(a, b, by) ((by) == 4 ? KEYS_BLOCKS(a, b, 0xdd) : (by) == 1 ? KEYS_ONES(a, b, 0xdd) : KEYS_HIGH(a, b, by))
#define KEY_TURNS(k, second) (((k) & 10) + (second) * 4 + ((k) & 4) / 4 + ((k) & 1) * KEY_LANES)
#else
#define KEYS_WITHOUT(a, b, by) KEYS_LOW(a, b, by)
#define KEYS_WITH(a, b, by) KEYS_HIGH(a, b, by)
#define KEY_TURNS(k, second) ((second) * (KEY_LANES / 2) + (k) / 2 + ((k) & 1) * KEY_LANES)
#endif
#define KEYS_WEAVE(a, b, second) __builtin_shufflevector(a, b, KEY_LIST(KEY_TURNS, second))
#define KEYS_REVERSE(v) KEYS_EXCHANGE(v, KEY_LANES - 1)

#if KEY_VECTOR_BYTES == 64 && KEY_BYTES == 8
ALWAYS keys keys_min(keys a, keys b) { return (keys)_mm512_min_epi64((__m512i)a, (__m512i)b); }
ALWAYS keys keys_max(keys a, keys b) { return (keys)_mm512_max_epi64((__m512i)a, (__m512i)b); }
#elif KEY_VECTOR_BYTES == 64
ALWAYS keys keys_min(keys a, keys b) { return (keys)_mm512_min_epi32((__m512i)a, (__m512i)b); }
ALWAYS keys keys_max(keys a, keys b) { return (keys)_mm512_max_epi32((__m512i)a, (__m512i)b); }
#elif KEY_BYTES == 4
ALWAYS keys keys_min(keys a, keys b) { return (keys)_mm256_min_epi32((__m256i)a, (__m256i)b); }
ALWAYS keys keys_max(keys a, keys b) { return (keys)_mm256_max_epi32((__m256i)a, (__m256i)b); }
#else
ALWAYS keys keys_min(keys a, keys b) { return (keys)_mm256_blendv_epi8((__m256i)a, (__m256i)b, (__m256i)(a > b)); }
ALWAYS keys keys_max(keys a, keys b) { return (keys)_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)(a > b)); }
#endif

/* For each mask of lanes the lanes in their new order, a byte each: those in the mask, then the others. */
#define KEY_BELOW(m, j) ((m) & ((1 << (j)) - 1))
#define KEY_PLACE(m, j, all) \
    (((m) >> (j) & 1) ? __builtin_popcount(KEY_BELOW(m, j)) : __builtin_popcount(m) + __builtin_popcount(KEY_BELOW(~(m) & (all), j)))
#if KEY_LANES == 4
/* Two bytes for a lane: its two halves. */
#define KEY_MOVE(m, j) ((uint64_t)(2 * (j) | (2 * (j) + 1) << 8) << 16 * KEY_PLACE(m, j, 15))
#define KEY_ORDER(m) (KEY_MOVE(m, 0) | KEY_MOVE(m, 1) | KEY_MOVE(m, 2) | KEY_MOVE(m, 3))
#define KEY_ORDERS4(m) KEY_ORDER(m), KEY_ORDER(m + 1), KEY_ORDER(m + 2), KEY_ORDER(m + 3)
static const uint64_t key_orders[16] = {KEY_ORDERS4(0), KEY_ORDERS4(4), KEY_ORDERS4(8), KEY_ORDERS4(12)};
#elif KEY_LANES == 8
#define KEY_MOVE(m, j) ((uint64_t)(j) << 8 * KEY_PLACE(m, j, 255))
#define KEY_ORDER(m) (KEY_MOVE(m, 0) | KEY_MOVE(m, 1) | KEY_MOVE(m, 2) | KEY_MOVE(m, 3) | KEY_MOVE(m, 4) | KEY_MOVE(m, 5) | \
                      KEY_MOVE(m, 6) | KEY_MOVE(m, 7))
#define KEY_ORDERS4(m) KEY_ORDER(m), KEY_ORDER(m + 1), KEY_ORDER(m + 2), KEY_ORDER(m + 3)
#define KEY_ORDERS16(m) KEY_ORDERS4(m), KEY_ORDERS4(m + 4), KEY_ORDERS4(m + 8), KEY_ORDERS4(m + 12)
#define KEY_ORDERS64(m) KEY_ORDERS16(m), KEY_ORDERS16(m + 16), KEY_ORDERS16(m + 32), KEY_ORDERS16(m + 48)
static const uint64_t key_orders[256] = {KEY_ORDERS64(0), KEY_ORDERS64(64), KEY_ORDERS64(128), KEY_ORDERS64(192)};
#endif

/* The lanes less than `than` come first, in their order; how many they are. */
ALWAYS intptr_t keys_divide(keys *v, keys than)
{
#if KEY_LANES == 16
    /* The numbers of the lanes, four bits each. */
    const __mmask16 m = _mm512_cmplt_epi32_mask((__m512i)*v, (__m512i)than);
    const uint64_t lanes = 0xfedcba9876543210, in = _pdep_u64(m, 0x1111111111111111) * 15;
    const intptr_t n = __builtin_popcount(m);
    const uint64_t order = _pext_u64(lanes, in) | _pext_u64(lanes, ~in) << (4 * n & 63);
    const __m512i half = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    const __m512i halves = _mm512_permutexvar_epi32(half, _mm512_castsi128_si512(_mm_cvtsi64_si128((int64_t)order)));
    const __m512i at = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
    *v = (keys)_mm512_permutexvar_epi32(_mm512_srlv_epi32(halves, at), (__m512i)*v);
    return n;
#else
#if KEY_VECTOR_BYTES == 64
    const unsigned m = _mm512_cmplt_epi64_mask((__m512i)*v, (__m512i)than);
    *v = (keys)_mm512_permutexvar_epi64(_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)&key_orders[m])), (__m512i)*v);
#elif KEY_LANES == 8
    const unsigned m = (unsigned)_mm256_movemask_ps((__m256)(*v < than));
    *v = (keys)_mm256_permutevar8x32_epi32((__m256i)*v, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&key_orders[m])));
#else
    const unsigned m = (unsigned)_mm256_movemask_pd((__m256d)(*v < than));
    *v = (keys)_mm256_permutevar8x32_epi32((__m256i)*v, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&key_orders[m])));
#endif
    return __builtin_popcount(m);
#endif
}

/* The lanes less than `than` go to left[0..], the others to end in front of right; how many went left.  Other lanes of
 * the two places are overwritten. */
ALWAYS intptr_t keys_part(keys v, keys than, key *left, key *right)
{
    const intptr_t n = keys_divide(&v, than);
    keys_store(left, v);
    keys_store(right - KEY_LANES, v);
    return n;
}

/* The same of the first m lanes; those after them are not less than `than`. */
ALWAYS intptr_t keys_part_first(keys v, keys than, intptr_t m, key *left, key *right)
{
    const intptr_t n = keys_divide(&v, than);
    keys_store_part(left, m, v);
    keys_store_part(right - m, m, v);
    return n;
}
#endif
#endif
