/* philox: the counter-based generator Philox4x32-10, in groups of eight counters.
 *
 *   counter = (block number: 64 bits, stream number: 64 bits), key = seed
 *   a group is eight blocks, 32 words, stored component by component:
 *   word 8*c + 2*j     component c of block 8*group + j       (j < 4)
 *   word 8*c + 2*j + 1 component c of block 8*group + j + 4
 *
 * That order needs no shuffles, whatever the width of the registers: a 64-bit lane holds a
 * 32-bit word of its own (garbage above it), and two lanes are packed into one on the way out.
 * Source: Salmon, Moraes, Dror & Shaw 2011.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_PHILOX_H
#define RT_UFUNC_KERNELS_PHILOX_H
#include "ufunc/kernels/table.h"
#include "ufunc/kernels/random.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifdef __AVX2__
enum { WIDE = 4 };
#else
enum { WIDE = 2 };
#endif
typedef uint64_t words64 __attribute__((vector_size(8 * WIDE)));
typedef uint64_t unaligned_words64 __attribute__((vector_size(8 * WIDE), aligned(4), may_alias));

/* Products of the low halves of each lane. */
ALWAYS words64 multiply_low(words64 a, uint32_t m)
{
    words64 b = (words64){0} + m;
#if defined(__AVX2__)
    return (words64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
    return (words64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* Ten rounds on WIDE counters, one per lane. */
ALWAYS void philox_rounds(words64 c[4], uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        words64 p0 = multiply_low(c[0], 0xD2511F53u), p1 = multiply_low(c[2], 0xCD9E8D57u);
        words64 c1 = c[1], c3 = c[3];
        c[0] = (p1 >> 32) ^ c1 ^ k0;
        c[1] = p1;
        c[2] = (p0 >> 32) ^ c3 ^ k1;
        c[3] = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* The blocks first, first + 1, ... of a stream. */
ALWAYS void philox_lanes(rt_stream s, uint64_t first, words64 c[4])
{
    words64 block = (words64){0} + first;
    for (int j = 0; j < WIDE; j++) block[j] += (uint64_t)j;
    c[0] = block;
    c[1] = block >> 32;
    c[2] = (words64){0} + s.number;
    c[3] = (words64){0} + (s.number >> 32);
    philox_rounds(c, s.seed);
}

ALWAYS void philox_group(rt_stream s, uint64_t group, uint32_t *out)
{
    for (int half = 0; half < 4; half += WIDE) {
        words64 low[4], high[4];
        philox_lanes(s, 8 * group + (uint64_t)half, low);
        philox_lanes(s, 8 * group + (uint64_t)half + 4, high);
        for (int c = 0; c < 4; c++)
            *(unaligned_words64 *)(out + 8 * c + 2 * half) = (low[c] & 0xffffffffu) | (high[c] << 32);
    }
}
#endif
