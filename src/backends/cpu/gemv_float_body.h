/* Products with a vector, of one floating dtype for one instruction set: included by gemm_float.c between
 * gemm_pack_body.h and gemm_float_body.h, whose names it uses.  No include guard.  Streams the matrix once, whichever way it lies:
 * element p goes to chain p mod CHAINS, a chain is fused multiply-adds in the order of p, chains are folded by
 * halves, blocks of VECTOR_DEPTH added up: the same bits for both layouts. */
#define WIDE ((intptr_t)(SPAN / sizeof(REAL)))

/* The chains of one block, folded: chain l with l + CHAINS / 2, and so on; in lane 0. */
static inline __attribute__((always_inline)) VEC NAME(fold)(const VEC *sum)
{
    VEC part[CHAINS / LANES];
    _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) part[v] = sum[v];
    _Pragma("GCC unroll 4") for (int half = CHAINS / LANES / 2; half; half /= 2)
        _Pragma("GCC unroll 8") for (int v = 0; v < half; v++) part[v] += part[v + half];
    _Pragma("GCC unroll 4") for (int half = LANES / 2; half; half /= 2) {
        NAME(indices) turned;
        _Pragma("GCC unroll 16") for (int l = 0; l < LANES; l++) turned[l] = (l + half) % LANES;
        part[0] += __builtin_shuffle(part[0], turned);
    }
    return part[0];
}

/* `count` dot products of x with vectors of unit stride, `lane` apart; count is a constant at each call. */
static inline __attribute__((always_inline)) void NAME(dots)(const int count, const REAL *x, const REAL *m,
    intptr_t lane, intptr_t k, REAL *out)
{
    VEC sum[4][CHAINS / LANES];
    _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)
        _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) sum[i][v] = (VEC){0};
    intptr_t p = 0;
    for (; p + CHAINS <= k; p += CHAINS)
        _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) {
            const VEC y = LOAD(x + p + v * LANES);
            _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)
                sum[i][v] = FMA(y, LOAD(m + i * lane + p + v * LANES), sum[i][v]);
        }
    _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) {
        const intptr_t left = k - p - v * LANES;
        if (left <= 0) continue;
        const MASK in = FIRST((int)(left < LANES ? left : LANES));
        const VEC y = LOAD_PART(x + p + v * LANES, in);      /* lanes beyond the end add 0 times 0 */
        _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)
            sum[i][v] = FMA(y, LOAD_PART(m + i * lane + p + v * LANES, in), sum[i][v]);
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < count; i++) out[i] = NAME(fold)(sum[i])[0];
}

/* chain[j] += the sum over t < count of x[t * CHAINS] m[t * CHAINS * depth + j], in the order of t; count is a constant
 * at each call. */
static inline __attribute__((always_inline)) void NAME(strip)(const int count, const REAL *x, const REAL *m, intptr_t depth,
    intptr_t columns, REAL *chain)
{
    VEC s[TOGETHER];
    _Pragma("GCC unroll 8") for (int t = 0; t < count; t++) s[t] = SPREAD(x[t * CHAINS]);
    intptr_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        VEC sum = LOAD(chain + j);
        _Pragma("GCC unroll 8") for (int t = 0; t < count; t++) sum = FMA(s[t], LOAD(m + t * CHAINS * depth + j), sum);
        STORE(chain + j, sum);
    }
    for (; j < columns; j++)
        for (int t = 0; t < count; t++) chain[j] = SCALAR_FMA(x[t * CHAINS], m[t * CHAINS * depth + j], chain[j]);
}

/* Sums of x[p] times row p of a matrix whose rows have unit stride, `columns` <= WIDE of them.  TOGETHER rows of a
 * chain are walked at once, so that its sums are fetched and put back once for all of them. */
static void NAME(rows)(const REAL *x, const REAL *m, intptr_t depth, intptr_t k, intptr_t columns, REAL *out)
{
    REAL chain[CHAINS * WIDE] __attribute__((aligned(64)));
    const intptr_t pitch = (columns + LANES - 1) / LANES * LANES, used = k < CHAINS ? k : CHAINS;
    intptr_t p = 0;
    memset(chain, 0, (size_t)(used * pitch) * sizeof(REAL));
    for (; p + CHAINS * TOGETHER <= k; p += CHAINS * TOGETHER)
        for (intptr_t l = 0; l < CHAINS; l++)
            NAME(strip)(TOGETHER, x + p + l, m + (p + l) * depth, depth, columns, chain + l * pitch);
    for (; p < k; p++) NAME(strip)(1, x + p, m + p * depth, depth, columns, chain + p % CHAINS * pitch);
    for (intptr_t half = CHAINS / 2; half; half /= 2)
        for (intptr_t l = 0; l < half && l + half < used; l++)        /* other chains are zero */
            for (intptr_t j = 0; j < pitch; j += LANES)
                STORE(chain + l * pitch + j, LOAD(chain + l * pitch + j) + LOAD(chain + (l + half) * pitch + j));
    memcpy(out, chain, (size_t)columns * sizeof(REAL));
}

/* out[l * step] = start[l * start_step] + sum over p of x[p * x_step] m[p * depth + l * lane] for l in [0, n);
 * start NULL: 0. */
static void NAME(vector)(const REAL *x, intptr_t x_step, const REAL *m, intptr_t depth, intptr_t lane, intptr_t n,
                         intptr_t k, REAL *out, intptr_t step, const REAL *start, intptr_t start_step)
{
    REAL copy[VECTOR_DEPTH], some[WIDE];
    for (intptr_t p = 0; p < k; p += VECTOR_DEPTH, start = out, start_step = step) {
        const intptr_t part = k - p < VECTOR_DEPTH ? k - p : VECTOR_DEPTH;
        const REAL *v = x + p;
        if (x_step != 1) {
            for (intptr_t r = 0; r < part; r++) copy[r] = x[(p + r) * x_step];
            v = copy;
        }
        for (intptr_t l = 0, width; l < n; l += width) {
            const REAL *at = m + p * depth + l * lane;
            if (depth == 1) {
                width = n - l >= 4 ? 4 : 1;
                if (width == 4) NAME(dots)(4, v, at, lane, part, some);
                else NAME(dots)(1, v, at, lane, part, some);
            } else {
                width = n - l < WIDE ? n - l : WIDE;
                NAME(rows)(v, at, depth, part, width, some);
            }
            if (start) for (intptr_t j = 0; j < width; j++) out[(l + j) * step] = start[(l + j) * start_step] + some[j];
            else for (intptr_t j = 0; j < width; j++) out[(l + j) * step] = some[j];
        }
    }
}
#undef WIDE
