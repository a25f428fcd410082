/* masks: the places of what is true, found eight at a time: the bytes of a mask become bits, four of which choose
 * a line of a table.  Floor: ufunc. */
#include "ufunc/masks.h"
#include "backends/memory.h"
#include "ufunc/views.h"

#pragma GCC optimize("O3")            /* these few loops are worth vectors */

enum { LONG = 64, CHUNK = 1024 };     /* columns from which a row is taken by itself; elements looked at together */

typedef int64_t two __attribute__((vector_size(16)));
typedef two unaligned_two __attribute__((aligned(1), may_alias));

/* The places of the bits that are set. */
static const int64_t places[16][4] __attribute__((aligned(16))) = {
    {0}, {0}, {1}, {0, 1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}, {3}, {0, 3}, {1, 3}, {0, 1, 3}, {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3},
};
static const uint8_t ones[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

intptr_t rt_mask_count(const uint8_t *mask, intptr_t n)
{
    typedef int8_t bytes __attribute__((vector_size(16)));
    typedef bytes unaligned __attribute__((aligned(1), may_alias));
    intptr_t i = 0, count = 0;
    while (i + 16 <= n) {
        bytes sum = {0};
        const intptr_t stop = n - i > 127 * 16 ? i + 127 * 16 : n;
        for (; i + 16 <= stop; i += 16) sum -= (bytes)(*(const unaligned *)(mask + i) != 0);
        for (int k = 0; k < 16; k++) count += sum[k];
    }
    for (; i < n; i++) count += mask[i] != 0;
    return count;
}

/* base + the places of what is true among n, as many as there is room for: to has room for `room`, which is no less
 * than there are.  Returns how many. */
static intptr_t find(const uint8_t *mask, intptr_t n, int64_t base, int64_t *to, intptr_t room)
{
    intptr_t k = 0, i = 0;
    for (; i + 8 <= n && k + 8 <= room; i += 8) {
        uint64_t word;
        memcpy(&word, mask + i, 8);
        if (word == 0) continue;
        word = ((word & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | word;              /* the top bit of what is not 0 */
        word = (word >> 7 & 0x0101010101010101) * 0x0102040810204080 >> 56;
        const two at = {base + i, base + i}, low = at + 4;
        const int64_t *a = places[word & 15], *b = places[word >> 4];
        *(unaligned_two *)(to + k) = at + *(const two *)a;
        *(unaligned_two *)(to + k + 2) = at + *(const two *)(a + 2);
        k += ones[word & 15];
        *(unaligned_two *)(to + k) = low + *(const two *)b;
        *(unaligned_two *)(to + k + 2) = low + *(const two *)(b + 2);
        k += ones[word >> 4];
    }
    for (; i < n && k < room; i++) {
        to[k] = base + i;
        k += mask[i] != 0;
    }
    return k;
}

rt_tensor *rt_index_nonzero(const rt_tensor *mask)
{
    rt_tensor *dense = rt_tensor_is_contiguous(mask) ? (rt_tensor *)Py_NewRef((PyObject *)mask) : rt_copy_of(mask);
    if (!dense) return NULL;
    const uint8_t *at = (const uint8_t *)dense->data;
    const intptr_t count = rt_mask_count(at, dense->size);
    rt_tensor *out = rt_empty(RT_i64, 1, &count, mask->storage->device);
    if (out) find(at, dense->size, 0, (int64_t *)out->data, count);
    Py_DECREF(dense);
    return out;
}

/* Lines of coordinates: those before the last as they are in `row`. */
static int64_t *write_lines(int64_t *to, const int64_t *row, int ndim, const int64_t *col, intptr_t n)
{
    if (ndim == 2) {
        for (intptr_t e = 0; e < n; e++) to[2 * e] = row[0], to[2 * e + 1] = col[e];
        return to + 2 * n;
    }
    for (intptr_t e = 0; e < n; e++, to += ndim) {
        for (int d = 0; d < ndim - 1; d++) to[d] = row[d];
        to[ndim - 1] = col[e];
    }
    return to;
}

static void place_row(int64_t *row, intptr_t number, int ndim, const intptr_t *shape)
{
    for (int d = ndim - 2; d >= 0; d--) {
        row[d] = number % shape[d];
        number /= shape[d];
    }
}

void rt_mask_lines(const rt_tensor *mask, int64_t *to)
{
    const uint8_t *at = (const uint8_t *)mask->data;
    const int ndim = mask->ndim;
    const intptr_t cols = ndim ? mask->shape[ndim - 1] : 1;
    int64_t found[CHUNK + 8], row[RT_MAX_NDIM] = {0};
    intptr_t start = 0;
    if (ndim == 0) return;                       /* lines of no coordinates */
    for (intptr_t i = 0, n; i < mask->size; i += n) {
        intptr_t rest = mask->size - i;
        if (cols >= LONG) {                      /* no further than the row */
            start = i - i % cols;
            rest = start + cols - i;
            if (i == start) place_row(row, i / cols, ndim, mask->shape);
        }
        n = rest < CHUNK ? rest : CHUNK;
        const intptr_t count = find(at + i, n, cols >= LONG ? i - start : i, found, CHUNK + 8);
        if (cols >= LONG) {
            to = write_lines(to, row, ndim, found, count);
            continue;
        }
        for (intptr_t e = 0; e < count; e++) {
            if (found[e] - start >= cols) {
                start = found[e] - found[e] % cols;
                place_row(row, found[e] / cols, ndim, mask->shape);
            }
            const int64_t col = found[e] - start;
            to = write_lines(to, row, ndim, &col, 1);
        }
    }
}

/* ---- elements where a mask is true ---- */

#define EACH_SIZE(MOVE) \
    switch (item) { \
    MOVE(1) MOVE(2) MOVE(4) MOVE(8) MOVE(16) \
    }

void rt_mask_get(const uint8_t *mask, intptr_t n, const char *from, char *to, intptr_t item)
{
    int64_t found[CHUNK + 8];
    for (intptr_t i = 0; i < n; i += CHUNK) {
        const intptr_t count = find(mask + i, n - i < CHUNK ? n - i : CHUNK, i, found, CHUNK + 8);
#define GET(size) case size: for (intptr_t e = 0; e < count; e++) memcpy(to + e * size, from + found[e] * size, size); break;
        EACH_SIZE(GET)
        to += count * item;
    }
}

void rt_mask_put(const uint8_t *mask, intptr_t n, char *to, const char *from, intptr_t item)
{
    int64_t found[CHUNK + 8];
    for (intptr_t i = 0; i < n; i += CHUNK) {
        const intptr_t count = find(mask + i, n - i < CHUNK ? n - i : CHUNK, i, found, CHUNK + 8);
#define PUT(size) case size: for (intptr_t e = 0; e < count; e++) memcpy(to + found[e] * size, from + e * size, size); break;
        EACH_SIZE(PUT)
        from += count * item;
    }
}
