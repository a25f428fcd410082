/* packed: sorting 64-bit words whose upper half is a key and whose lower half is the element's place, so that
 * all words differ and a sort by the upper half that keeps order is a sort of the words.  Short runs are
 * inserted, middling ones sorted as numbers, long ones distributed digit by digit (LSD radix; Knuth, The Art of Computer
 * Programming 3, 5.2.5).  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_PACKED_H
#define RT_UFUNC_KERNELS_PACKED_H
#include <string.h>
#include "ufunc/kernels/table.h"

enum { PACKED_INSERT = 20, PACKED_SHORT = 8, PACKED_QUICK = 2000, PACKED_LONG = 6000, PACKED_DIGIT = 11 };

ALWAYS int bit_length(uint64_t v) { return v ? 64 - __builtin_clzll(v) : 0; }

static void packed_insert(uint64_t *p, intptr_t n)
{
    for (intptr_t i = 1; i < n; i++) {
        const uint64_t v = p[i];
        intptr_t j = i;
        for (; j > 0 && p[j - 1] > v; j--) p[j] = p[j - 1];
        p[j] = v;
    }
}

static uint64_t *packed_distribute(uint64_t *p, uint64_t *q, intptr_t n, int bits)
{
    uint32_t counts[4][1 << PACKED_DIGIT];
    const int widest = n < PACKED_LONG ? 8 : PACKED_DIGIT, passes = (bits + widest - 1) / widest;
    const int width = (bits + passes - 1) / passes;
    const uint32_t mask = (1u << width) - 1;
    for (int k = 0; k < passes; k++) memset(counts[k], 0, sizeof counts[k][0] << width);
    for (intptr_t i = 0; i < n; i++) {
        uint32_t key = (uint32_t)(p[i] >> 32);
        for (int k = 0; k < passes; k++, key >>= width) counts[k][key & mask]++;
    }
    for (int k = 0; k < passes; k++) {
        uint32_t *const at = counts[k];
        const int shift = 32 + k * width;
        if (at[(uint32_t)(p[0] >> shift) & mask] == (uint32_t)n) continue;
        uint32_t sum = 0;
        for (uint32_t d = 0; d <= mask; d++) {
            const uint32_t count = at[d];
            at[d] = sum;
            sum += count;
        }
        for (intptr_t i = 0; i < n; i++) q[at[(uint32_t)(p[i] >> shift) & mask]++] = p[i];
        uint64_t *const t = p;
        p = q, q = t;
    }
    return p;
}

/* Sorts n words by their upper halves, of which `bits` bits are in use; places rise on entry.  Returns p
 * or q, whichever holds the result. */
static uint64_t *packed_sort(uint64_t *p, uint64_t *q, intptr_t n, int bits)
{
    intptr_t i = 1;
    while (i < n && p[i - 1] < p[i]) i++;
    if (i >= n) return p;
    if (n <= PACKED_SHORT) {
        packed_insert(p, n);
        return p;
    }
    if (n > PACKED_QUICK) return packed_distribute(p, q, n, bits);
    const uint64_t sign = (uint64_t)1 << 63;             /* as signed numbers */
    for (i = 0; i < n; i++) p[i] ^= sign;
    rt_isa_now->quick[8]->sort(p, n);
    for (i = 0; i < n; i++) p[i] ^= sign;
    return p;
}
#endif
