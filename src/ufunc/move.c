/* move: copies within one dtype.  Rows are copied by the steps they have: packed, backwards, repeated or strided;
 * a transposed plan, whose source is packed along another dimension than its destination, is copied
 * in square tiles that fit the first cache.
 *
 *   destination  . . . k . . . last        source  . . . last . . . k      (k: packed in the source)
 *
 * Floor: ufunc. */
#include <string.h>
#include "ufunc/move.h"
#include "backends/work.h"
#include "backends/execute.h"
#include "backends/threads.h"

#pragma GCC optimize("O3")            /* these few loops are worth vectors */

enum { TILE = 32, LEAST = 8, GRAIN_BYTES = 256 * 1024 };

#define LOOPS(size, ctype) \
    typedef ctype cell_##size __attribute__((aligned(1), may_alias)); \
    static void row_##size(char **args, const intptr_t *count, const intptr_t *steps, void *data) \
    { \
        const char *in = args[0]; \
        char *out = args[1]; \
        intptr_t n = *count, from = steps[0], to = steps[1]; \
        const cell_##size *x = (const cell_##size *)in; \
        cell_##size *o = (cell_##size *)out; \
        (void)data; \
        if (to == size && from == size) memcpy(out, in, (size_t)(n * size)); \
        else if (to == size && from == -size) { _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = x[-i]; } \
        else if (to == size && from == 0) { cell_##size v = n ? *x : 0; for (intptr_t i = 0; i < n; i++) o[i] = v; } \
        else if (to == size && from == 2 * size) { _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = x[2 * i]; } \
        else if (to == size) for (intptr_t i = 0; i < n; i++) o[i] = *(const cell_##size *)(in + i * from); \
        else for (intptr_t i = 0; i < n; i++) *(cell_##size *)(out + i * to) = *(const cell_##size *)(in + i * from); \
    } \
    static void tile_##size(const char *in, char *out, intptr_t rows, intptr_t cols, intptr_t from, intptr_t to) \
    { \
        for (intptr_t i = 0; i < rows; i++, in += size, out += to) { \
            cell_##size *o = (cell_##size *)out; \
            for (intptr_t j = 0; j < cols; j++) o[j] = *(const cell_##size *)(in + j * from); \
        } \
    }
typedef unsigned __int128 wide;
LOOPS(1, uint8_t)
LOOPS(2, uint16_t)
LOOPS(4, uint32_t)
LOOPS(8, uint64_t)
LOOPS(16, wide)

/* 4-byte elements by squares of four in registers. */
typedef uint32_t four __attribute__((vector_size(16)));
typedef four unaligned_four __attribute__((aligned(1), may_alias));
static void tile_fours(const char *in, char *out, intptr_t rows, intptr_t cols, intptr_t from, intptr_t to)
{
    const intptr_t rest = rows % 4;
    for (intptr_t i = 0; i < rows - rest; i += 4, in += 16, out += 4 * to) {
        const char *x = in;
        char *o = out;
        intptr_t j = 0;
        for (; j + 4 <= cols; j += 4, x += 4 * from, o += 16) {
            const four a = *(const unaligned_four *)x, b = *(const unaligned_four *)(x + from);
            const four c = *(const unaligned_four *)(x + 2 * from), d = *(const unaligned_four *)(x + 3 * from);
            const four ab = __builtin_shuffle(a, b, (four){0, 4, 1, 5}), cd = __builtin_shuffle(c, d, (four){0, 4, 1, 5});
            const four ba = __builtin_shuffle(a, b, (four){2, 6, 3, 7}), dc = __builtin_shuffle(c, d, (four){2, 6, 3, 7});
            *(unaligned_four *)o = __builtin_shuffle(ab, cd, (four){0, 1, 4, 5});
            *(unaligned_four *)(o + to) = __builtin_shuffle(ab, cd, (four){2, 3, 6, 7});
            *(unaligned_four *)(o + 2 * to) = __builtin_shuffle(ba, dc, (four){0, 1, 4, 5});
            *(unaligned_four *)(o + 3 * to) = __builtin_shuffle(ba, dc, (four){2, 3, 6, 7});
        }
        tile_4(x, o, 4, cols - j, from, to);
    }
    tile_4(in, out, rest, cols, from, to);
}

typedef void tile_fn(const char *in, char *out, intptr_t rows, intptr_t cols, intptr_t from, intptr_t to);
static rt_loop *const rows_of[5] = {row_1, row_2, row_4, row_8, row_16};
static tile_fn *const tiles_of[5] = {tile_1, tile_2, tile_fours, tile_8, tile_16};

typedef struct {
    const rt_plan *p;
    tile_fn *tile;
    int k;                        /* the dimension along which the source is packed */
    intptr_t bands;               /* of TILE, in dimension k */
} turning;

/* A band: TILE of dimension k, all of the last, at one place of the others. */
static void turn_bands(void *context, intptr_t begin, intptr_t end)
{
    const turning *t = context;
    const rt_plan *p = t->p;
    int last = p->ndim - 1;
    const intptr_t *from = p->steps[0], *to = p->steps[1];
    for (intptr_t band = begin; band < end; band++) {
        intptr_t rest = band / t->bands, first = band % t->bands * TILE;
        intptr_t rows = p->shape[t->k] - first < TILE ? p->shape[t->k] - first : TILE;
        const char *in = p->data[0] + first * from[t->k];
        char *out = p->data[1] + first * to[t->k];
        for (int d = last - 1; d >= 0; d--) {
            if (d == t->k) continue;
            in += rest % p->shape[d] * from[d];
            out += rest % p->shape[d] * to[d];
            rest /= p->shape[d];
        }
        for (intptr_t j = 0; j < p->shape[last]; j += TILE) {
            intptr_t cols = p->shape[last] - j < TILE ? p->shape[last] - j : TILE;
            for (intptr_t c = j + TILE; c < j + 2 * TILE && c < p->shape[last]; c++) __builtin_prefetch(in + c * from[last]);
            t->tile(in + j * from[last], out + j * to[last], rows, cols, from[last], to[t->k]);
        }
    }
}

static int is_turned(const rt_plan *p, intptr_t item, int *k)
{
    int last = p->ndim - 1;
    if (last < 1 || p->steps[1][last] != item || p->steps[0][last] == item || p->shape[last] < LEAST) return 0;
    for (*k = 0; *k < last; ++*k)
        if (p->steps[0][*k] == item && p->shape[*k] >= LEAST) return 1;
    return 0;
}

void rt_move(const rt_plan *p, int item)
{
    int size = __builtin_ctz((unsigned)item), k;
    if (rt_work_now) rt_work_now->moved += (uint64_t)(p->size * item);
    if (!is_turned(p, item, &k)) {
        rt_exec e = {.loop = rows_of[size], .nin = 1, .cost = 0.25f};
        rt_execute(p, &e);
        return;
    }
    turning t = {p, tiles_of[size], k, (p->shape[k] + TILE - 1) / TILE};
    intptr_t bands = p->size / p->shape[k] / p->shape[p->ndim - 1] * t.bands;
    intptr_t grain = GRAIN_BYTES / (TILE * p->shape[p->ndim - 1] * item) + 1;
    if (p->size * item < 2 * GRAIN_BYTES) turn_bands(&t, 0, bands);
    else rt_threads_for(bands, grain, turn_bands, &t);
}
