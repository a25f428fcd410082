/* packed: sorting 64-bit words whose upper half is a key and whose lower half is the element's place, so that
 * all words differ and a sort by the upper half that keeps order is a sort of the words.  Short runs are
 * inserted, middling ones merged, long ones distributed digit by digit (LSD radix; Knuth, The Art of Computer
 * Programming 3, 5.2.5).  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_PACKED_H
#define RT_UFUNC_KERNELS_PACKED_H
#include <string.h>
#include "ufunc/kernels/table.h"

enum { PACKED_INSERT = 20, PACKED_MERGE = 160, PACKED_LONG = 6000, PACKED_DIGIT = 11 };

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

static void packed_merge(const uint64_t *a, intptr_t na, const uint64_t *b, intptr_t nb, uint64_t *out)
{
    const uint64_t *const a_end = a + na, *const b_end = b + nb;
    while (a < a_end && b < b_end) {
        const int second = *b < *a;
        *out++ = second ? *b : *a;
        a += !second;
        b += second;
    }
    memcpy(out, a, (size_t)(a_end - a) * 8);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * 8);
}

/* Sorted runs of `run` words merged pair by pair; returns p or q, whichever holds the result. */
static uint64_t *packed_merge_runs(uint64_t *p, uint64_t *q, intptr_t n, intptr_t run)
{
    for (intptr_t i = 0; i < n; i += run) packed_insert(p + i, n - i < run ? n - i : run);
    for (; run < n; run *= 2) {
        for (intptr_t i = 0; i < n; i += 2 * run) {
            const intptr_t na = n - i < run ? n - i : run, nb = n - i - na < run ? n - i - na : run;
            packed_merge(p + i, na, p + i + na, nb, q + i);
        }
        uint64_t *const t = p;
        p = q, q = t;
    }
    return p;
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
    if (n <= PACKED_INSERT) {
        packed_insert(p, n);
        return p;
    }
    return n <= PACKED_MERGE ? packed_merge_runs(p, q, n, 10) : packed_distribute(p, q, n, bits);
}
#endif
