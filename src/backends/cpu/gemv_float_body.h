/* Products with a vector, of one floating dtype for one instruction set: included by gemm_float.c before
 * gemm_float_body.h, whose names it uses.  No include guard.  Streams the matrix once, whichever way it lies:
 * element p goes to chain p mod CHAINS, a chain is fused multiply-adds in the order of p, chains are folded by
 * halves, blocks of VECTOR_DEPTH added up: the same bits for both layouts. */

typedef __typeof__((VEC){0} < (VEC){0}) NAME(indices);

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

/* Sums of x[p] times row p of a matrix whose rows have unit stride, `columns` <= SPAN of them. */
static void NAME(rows)(const REAL *x, const REAL *m, intptr_t depth, intptr_t k, intptr_t columns, REAL *out)
{
    REAL chain[CHAINS][SPAN] __attribute__((aligned(64)));
    for (int l = 0; l < CHAINS; l++) memset(chain[l], 0, (size_t)columns * sizeof(REAL));
    for (intptr_t p = 0; p < k; p++) {
        REAL *to = chain[p % CHAINS];
        const REAL *row = m + p * depth, s = x[p];
        const VEC y = SPREAD(s);
        intptr_t j = 0;
        for (; j + LANES <= columns; j += LANES) STORE(to + j, FMA(y, LOAD(row + j), LOAD(to + j)));
        for (; j < columns; j++) to[j] = SCALAR_FMA(s, row[j], to[j]);
    }
    for (int half = CHAINS / 2; half; half /= 2)
        for (int l = 0; l < half; l++)
            for (intptr_t j = 0; j < columns; j++) chain[l][j] += chain[l + half][j];
    memcpy(out, chain[0], (size_t)columns * sizeof(REAL));
}

/* out[l * step] = or += sum over p of x[p * x_step] m[p * depth + l * lane] for l in [0, n). */
static void NAME(vector)(const REAL *x, intptr_t x_step, const REAL *m, intptr_t depth, intptr_t lane, intptr_t n,
                         intptr_t k, REAL *out, intptr_t step, int add)
{
    REAL copy[VECTOR_DEPTH], some[SPAN];
    for (intptr_t p = 0; p < k; p += VECTOR_DEPTH, add = 1) {
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
                width = n - l < SPAN ? n - l : SPAN;
                NAME(rows)(v, at, depth, part, width, some);
            }
            for (intptr_t j = 0; j < width; j++) out[(l + j) * step] = add ? out[(l + j) * step] + some[j] : some[j];
        }
    }
}
