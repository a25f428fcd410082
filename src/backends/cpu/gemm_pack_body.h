/* How blocks of A and B are laid out for the product kernels: included by gemm_float.c before gemm_float_body.h,
 * whose names it uses.  No include guard.  A panel of `width` lanes, k deep, is dst[p * width + i]. */

#define COLUMNS (3 * LANES)           /* of a register tile */
typedef __typeof__(__builtin_choose_expr(sizeof(REAL) == 4, (int32_t)0, (int64_t)0)) NAME(index);
typedef NAME(index) NAME(indices) __attribute__((vector_size(sizeof(VEC))));

#if LANES == 16
#define IOTA ((NAME(indices)){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
#elif LANES == 8
#define IOTA ((NAME(indices)){0, 1, 2, 3, 4, 5, 6, 7})
#else
#define IOTA ((NAME(indices)){0, 1, 2, 3})
#endif

/* x and y, in every group of four lanes: the first (or last) two of each in turn; or the first (last) pairs. */
static inline __attribute__((always_inline)) VEC NAME(mix)(VEC x, VEC y, int in_turn, int last)
{
    const NAME(indices) low = IOTA & 1, high = (IOTA & 2) >> 1, in = in_turn ? high + low * LANES : low + high * LANES;
    return __builtin_shuffle(x, y, (IOTA & ~3) + 2 * last + in);
}

/* dst[p * width + i] = src[p + i * lane] for i < LANES, by squares of four. */
static void NAME(turn)(const REAL *src, intptr_t lane, intptr_t k, REAL *dst, intptr_t width)
{
    intptr_t p = 0;
    for (; p + 4 <= k; p += 4) {
        const VEC x0 = JOIN(src + p, 4 * lane), x1 = JOIN(src + lane + p, 4 * lane);
        const VEC x2 = JOIN(src + 2 * lane + p, 4 * lane), x3 = JOIN(src + 3 * lane + p, 4 * lane);
        const VEC l0 = NAME(mix)(x0, x1, 1, 0), l1 = NAME(mix)(x2, x3, 1, 0);
        const VEC h0 = NAME(mix)(x0, x1, 1, 1), h1 = NAME(mix)(x2, x3, 1, 1);
        REAL *to = dst + p * width;
        STORE(to, NAME(mix)(l0, l1, 0, 0));
        STORE(to + width, NAME(mix)(l0, l1, 0, 1));
        STORE(to + 2 * width, NAME(mix)(h0, h1, 0, 0));
        STORE(to + 3 * width, NAME(mix)(h0, h1, 0, 1));
    }
    for (; p < k; p++)
        for (int l = 0; l < LANES; l++) dst[p * width + l] = src[p + l * lane];
}

/* dst[p * width + i] = src[p * depth + i * lane] for a panel of `lanes`; zeros from there to width. */
static void NAME(pack)(const REAL *src, intptr_t depth, intptr_t lane, intptr_t lanes, intptr_t k, REAL *dst,
                       intptr_t width)
{
    intptr_t i = 0;
    if (lane == 1 && lanes == COLUMNS) {
        for (intptr_t p = 0; p < k; p++) memcpy(dst + p * width, src + p * depth, COLUMNS * sizeof(REAL));
        return;
    }
    if (lane == 1 && lanes == ROWS) {
        for (intptr_t p = 0; p < k; p++) memcpy(dst + p * width, src + p * depth, ROWS * sizeof(REAL));
        i = ROWS;
    } else if (lane == 1) {
        for (intptr_t p = 0; p < k; p++)
            for (intptr_t j = 0; j < lanes; j++) dst[p * width + j] = src[p * depth + j];
        i = lanes;
    }
    for (; depth == 1 && i + LANES <= lanes; i += LANES) NAME(turn)(src + i * lane, lane, k, dst + i, width);
    for (; depth == 1 && i + 4 <= lanes; i += 4) {
        const REAL *s0 = src + i * lane, *s1 = s0 + lane, *s2 = s1 + lane, *s3 = s2 + lane;
        intptr_t p = 0;
        for (; p + 4 <= k; p += 4) {
            QUAD x0, x1, x2, x3;
            memcpy(&x0, s0 + p, sizeof x0);
            memcpy(&x1, s1 + p, sizeof x1);
            memcpy(&x2, s2 + p, sizeof x2);
            memcpy(&x3, s3 + p, sizeof x3);
            const QUAD l0 = __builtin_shuffle(x0, x1, (QUAD_INDEX){0, 4, 1, 5});
            const QUAD l1 = __builtin_shuffle(x2, x3, (QUAD_INDEX){0, 4, 1, 5});
            const QUAD h0 = __builtin_shuffle(x0, x1, (QUAD_INDEX){2, 6, 3, 7});
            const QUAD h1 = __builtin_shuffle(x2, x3, (QUAD_INDEX){2, 6, 3, 7});
            x0 = __builtin_shuffle(l0, l1, (QUAD_INDEX){0, 1, 4, 5});
            x1 = __builtin_shuffle(l0, l1, (QUAD_INDEX){2, 3, 6, 7});
            x2 = __builtin_shuffle(h0, h1, (QUAD_INDEX){0, 1, 4, 5});
            x3 = __builtin_shuffle(h0, h1, (QUAD_INDEX){2, 3, 6, 7});
            REAL *to = dst + p * width + i;
            memcpy(to, &x0, sizeof x0);
            memcpy(to + width, &x1, sizeof x1);
            memcpy(to + 2 * width, &x2, sizeof x2);
            memcpy(to + 3 * width, &x3, sizeof x3);
        }
        for (; p < k; p++) {
            REAL *to = dst + p * width + i;
            to[0] = s0[p], to[1] = s1[p], to[2] = s2[p], to[3] = s3[p];
        }
    }
    for (; i < lanes; i++)
        for (intptr_t p = 0; p < k; p++) dst[p * width + i] = src[p * depth + i * lane];
    for (; i < width; i++)
        for (intptr_t p = 0; p < k; p++) dst[p * width + i] = 0;
}

#ifdef PAIRS
#include "backends/cpu/gemm_pairs_body.h"
#else
/* A complex product is a real one twice as deep and wide, C = A' B':
 *   A' (m, 2k): re im re im ...                       of A as it lies, when its rows have unit stride
 *   B' (2k, 2n): row 2p  re im re im ... of B's row p, row 2p+1  -im re -im re ...
 * so that C comes out as complex numbers.  `lanes` and `k` count what is real; k is even. */
static void NAME(pack_complex_a)(const REAL *src, intptr_t depth, intptr_t lane, intptr_t lanes, intptr_t k, REAL *dst,
                                 intptr_t width)
{
    for (intptr_t p = 0; p < k; p += 2)
        for (intptr_t i = 0; i < lanes; i++) {
            const REAL *x = src + p * depth + 2 * i * lane;
            dst[p * width + i] = x[0];
            dst[(p + 1) * width + i] = x[1];
        }
}

static void NAME(pack_complex_b)(const REAL *src, intptr_t depth, intptr_t lane, intptr_t lanes, intptr_t k, REAL *dst,
                                 intptr_t width)
{
    for (intptr_t p = 0; p < k; p += 2) {
        const REAL *x = src + p * depth;
        REAL *y = dst + p * width, *z = y + width;
        if (lane == 1)
            for (intptr_t i = 0; i < lanes; i += 2) y[i] = x[i], y[i + 1] = x[i + 1], z[i] = -x[i + 1], z[i + 1] = x[i];
        else
            for (intptr_t i = 0; i < lanes; i += 2, x += 2 * lane) y[i] = x[0], y[i + 1] = x[1], z[i] = -x[1], z[i + 1] = x[0];
        for (intptr_t i = lanes; i < width; i++) y[i] = z[i] = 0;
    }
}

/* ---- panels -------------------------------------------------------------------------- */

typedef struct { const REAL *at; intptr_t lane, step, next; } NAME(panels);    /* lane i of a block's panels: at + i * next */

static inline intptr_t NAME(reals)(const rt_gemm *q) { return rt_dtype_is_complex(q->dtype) ? 2 : 1; }
static inline intptr_t NAME(depth)(const rt_gemm *q) { return q->k * NAME(reals)(q); }

/* A[i:i+m, p:p+k]: as it lies when its rows have unit stride, or when it is read a few times only. */
static NAME(panels) NAME(take_a)(const rt_gemm *q, intptr_t i, intptr_t m, intptr_t p, intptr_t k, intptr_t n, intptr_t high)
{
    const intptr_t each = NAME(reals)(q);
    const REAL *a = (const REAL *)q->a + (i * q->a_row + p / each * q->a_col) * each;
    REAL *to = (REAL *)q->a_buffer;
    if (q->a_col == 1 || (each == 1 && n <= 4 * COLUMNS)) return (NAME(panels)){a, each * q->a_row, q->a_col, each * q->a_row};
    for (intptr_t r = 0; r < m; r += high)
        (each == 2 ? NAME(pack_complex_a) : NAME(pack))(a + r * each * q->a_row, q->a_col, q->a_row, m - r < high ? m - r : high,
                                                        k, to + r * k, high);
    return (NAME(panels)){to, 1, high, k};
}

/* B[p:p+k, j+l:j+l+columns], one panel of the block that begins at j; kept for later rows, or in the place of the last.
 * As it lies when that is read a few times only, or stays in the first cache. */
static NAME(panels) NAME(take_b)(const rt_gemm *q, intptr_t j, intptr_t l, int columns, intptr_t p, intptr_t k, intptr_t m,
                                 intptr_t wide, int packed, int kept)
{
    const intptr_t each = NAME(reals)(q);
    const REAL *b = (const REAL *)q->b + (p / each * q->b_row + (j + l) / each * q->b_col) * each;
    REAL *to = (REAL *)q->b_buffer + (kept ? l * k : 0);
    const int few = m <= 4 * ROWS || k * q->b_row * (intptr_t)sizeof(REAL) <= SMALL;
    if (each == 1 && q->b_col == 1 && few && (MASKED || columns % LANES == 0)) return (NAME(panels)){b, 1, q->b_row, 0};
    if (!packed) (each == 2 ? NAME(pack_complex_b) : NAME(pack))(b, q->b_row, q->b_col, columns, k, to, wide);
    return (NAME(panels)){to, 1, wide, 0};
}
#endif
