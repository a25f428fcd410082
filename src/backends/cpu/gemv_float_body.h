/* Products with a vector, of one floating dtype for one instruction set: included by gemm_float.c between
 * gemm_pack_body.h and gemm_float_body.h, whose names it uses.  No include guard.  Streams the matrix once, whichever way it lies:
 * element p goes to chain p mod CHAINS, a chain is fused multiply-adds in the order of p, chains are folded by
 * halves, blocks of VECTOR_DEPTH added up: the same bits for both layouts. */
#define WIDE ((intptr_t)(SPAN / sizeof(REAL)))
#define FEW_VECTORS (MASKED ? 4 : 2)

/* The chains of one block, folded: chain l with l + CHAINS / 2, and so on; in lane 0. */
static inline __attribute__((always_inline)) VEC NAME(fold)(const VEC *sum)
{
    VEC part[CHAINS / LANES];
    _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) part[v] = sum[v];
    _Pragma("GCC unroll 4") for (int half = CHAINS / LANES / 2; half; half /= 2)
        _Pragma("GCC unroll 8") for (int v = 0; v < half; v++) part[v] += part[v + half];
    _Pragma("GCC unroll 4") for (int half = LANES / 2; half; half /= 2)
        part[0] += __builtin_shuffle(part[0], (IOTA + half) & (LANES - 1));
    return part[0];
}

/* `count` dot products of vectors of unit stride, `x_lane` and `lane` apart; count is a constant at each call. */
static inline __attribute__((always_inline)) void NAME(dots)(const int count, const REAL *x, intptr_t x_lane,
    const REAL *m, intptr_t lane, intptr_t k, REAL *out)
{
    VEC sum[4][CHAINS / LANES];
    _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)
        _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) sum[i][v] = (VEC){0};
    intptr_t p = 0;
    for (; p + CHAINS <= k; p += CHAINS)
        _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) {
            _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)
                sum[i][v] = FMA(LOAD(x + i * x_lane + p + v * LANES), LOAD(m + i * lane + p + v * LANES), sum[i][v]);
        }
    _Pragma("GCC unroll 8") for (int v = 0; v < CHAINS / LANES; v++) {
        const intptr_t left = k - p - v * LANES;
        if (left <= 0) continue;
        const MASK in = FIRST((int)(left < LANES ? left : LANES));
        _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)    /* lanes beyond the end add 0 times 0 */
            sum[i][v] = FMA(LOAD_PART(x + i * x_lane + p + v * LANES, in), LOAD_PART(m + i * lane + p + v * LANES, in),
                            sum[i][v]);
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < count; i++) out[i] = NAME(fold)(sum[i])[0];
}

/* chain[j] = [chain[j] +] the sum over t < count of x[t * CHAINS] m[t * CHAINS * depth + j], in the order of t, for j in
 * [0, columns), and whole vectors of it; count is a constant at each call. */
static inline __attribute__((always_inline)) void NAME(strip)(const int count, int first, const REAL *x, const REAL *m,
    intptr_t depth, intptr_t columns, REAL *chain)
{
    VEC s[TOGETHER];
    _Pragma("GCC unroll 8") for (int t = 0; t < count; t++) s[t] = SPREAD(x[t * CHAINS]);
    intptr_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        VEC sum = first ? (VEC){0} : LOAD(chain + j);
        _Pragma("GCC unroll 8") for (int t = 0; t < count; t++) sum = FMA(s[t], LOAD(m + t * CHAINS * depth + j), sum);
        STORE(chain + j, sum);
    }
    if (j == columns) return;
    const MASK in = FIRST((int)(columns - j));
    VEC sum = first ? (VEC){0} : LOAD(chain + j);
    _Pragma("GCC unroll 8") for (int t = 0; t < count; t++) sum = FMA(s[t], LOAD_PART(m + t * CHAINS * depth + j, in), sum);
    STORE(chain + j, sum);
}

/* chain[0][j] = the chains of column j, `used` of them, folded. */
static void NAME(fold_rows)(REAL *chain, intptr_t pitch, intptr_t used)
{
    for (intptr_t j = 0; used == CHAINS && j < pitch; j += LANES) {
        VEC part[CHAINS / 2];
        _Pragma("GCC unroll 16") for (int l = 0; l < CHAINS / 2; l++)
            part[l] = LOAD(chain + l * pitch + j) + LOAD(chain + (l + CHAINS / 2) * pitch + j);
        _Pragma("GCC unroll 4") for (int half = CHAINS / 4; half; half /= 2)
            _Pragma("GCC unroll 16") for (int l = 0; l < half; l++) part[l] += part[l + half];
        STORE(chain + j, part[0]);
    }
    for (intptr_t half = CHAINS / 2; used < CHAINS && half; half /= 2)
        for (intptr_t l = 0; l < half && l + half < used; l++)        /* other chains are zero */
            for (intptr_t j = 0; j < pitch; j += LANES)
                STORE(chain + l * pitch + j, LOAD(chain + l * pitch + j) + LOAD(chain + (l + half) * pitch + j));
}

/* Sums of x[p] times row p of a matrix whose rows have unit stride, `columns` <= WIDE of them.  TOGETHER rows of a
 * chain are walked at once, so that its sums are fetched and put back once for all of them. */
static void NAME(rows)(const REAL *x, const REAL *m, intptr_t depth, intptr_t k, intptr_t columns, REAL *out)
{
    REAL chain[CHAINS * WIDE] __attribute__((aligned(64)));
    const intptr_t pitch = (columns + LANES - 1) / LANES * LANES;
    for (intptr_t from = 0; from < k; from += CHAINS * TOGETHER)
        for (intptr_t l = 0; l < CHAINS && from + l < k; l++) {
            const REAL *v = x + from + l, *row = m + (from + l) * depth;
            const intptr_t left = (k - from - l - 1) / CHAINS + 1;
            REAL *to = chain + l * pitch;
            int t = 0;
            if (left >= TOGETHER) {
                NAME(strip)(TOGETHER, from == 0, v, row, depth, columns, to);
                continue;
            }
            if (left & 4) NAME(strip)(4, from == 0, v, row, depth, columns, to), t = 4;
            if (left & 2) NAME(strip)(2, from + t == 0, v + t * CHAINS, row + t * CHAINS * depth, depth, columns, to), t += 2;
            if (left & 1) NAME(strip)(1, from + t == 0, v + t * CHAINS, row + t * CHAINS * depth, depth, columns, to);
        }
    NAME(fold_rows)(chain, pitch, k < CHAINS ? k : CHAINS);
    memcpy(out, chain, (size_t)columns * sizeof(REAL));
}

/* `vectors` vectors of columns of a product of few rows, the chains in registers: four of them at once, folded as they
 * end; of the last vector the lanes of `in`.  vectors is a constant at each call. */
static inline __attribute__((always_inline)) void NAME(few)(const int vectors, const int whole, MASK in, const REAL *x,
    const REAL *m, intptr_t depth, intptr_t k, REAL *out)
{
    VEC folded[CHAINS / 4][FEW_VECTORS];
#define TERM(c) \
    const VEC s##c = SPREAD(x[p + c * CHAINS / 4]); \
    const REAL *at##c = m + (p + c * CHAINS / 4) * depth; \
    _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) \
        sum[c][v] = FMA(s##c, whole ? LOAD(at##c + v * LANES) : LOAD_PART(at##c + v * LANES, in), sum[c][v]);
    for (intptr_t l = 0; l < CHAINS / 4; l++) {
        VEC sum[4][FEW_VECTORS];
        _Pragma("GCC unroll 4") for (int c = 0; c < 4; c++)
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[c][v] = (VEC){0};
        intptr_t p = l;
        for (; p + 3 * CHAINS / 4 < k; p += CHAINS) {
            TERM(0) TERM(1) TERM(2) TERM(3)
        }
        if (p < k) { TERM(0) }
        if (p + CHAINS / 4 < k) { TERM(1) }
        if (p + CHAINS / 2 < k) { TERM(2) }
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)
            folded[l][v] = (sum[0][v] + sum[2][v]) + (sum[1][v] + sum[3][v]);
    }
#undef TERM
    _Pragma("GCC unroll 4") for (int half = CHAINS / 8; half; half /= 2)
        _Pragma("GCC unroll 4") for (int l = 0; l < half; l++)
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) folded[l][v] += folded[l + half][v];
    _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
        if (whole) STORE(out + v * LANES, folded[0][v]);
        else STORE_PART(out + v * LANES, in, folded[0][v]);
    }
}

/* What rows computes, of a matrix that lies near. */
static void NAME(few_rows)(const REAL *x, const REAL *m, intptr_t depth, intptr_t k, intptr_t columns, REAL *out)
{
    intptr_t j = 0;
    for (; j + FEW_VECTORS * LANES <= columns; j += FEW_VECTORS * LANES)
        NAME(few)(FEW_VECTORS, 1, FIRST(0), x, m + j, depth, k, out + j);
    for (; j < columns; j += LANES)
        NAME(few)(1, 0, FIRST((int)(columns - j < LANES ? columns - j : LANES)), x, m + j, depth, k, out + j);
}

/* out[l * step] = start[l * start_step] + sum over p of x[p * x_step] m[p * depth + l * lane] for l in [0, n);
 * start NULL: 0. */
static void NAME(vector)(const REAL *x, intptr_t x_step, const REAL *m, intptr_t depth, intptr_t lane, intptr_t n,
                         intptr_t k, REAL *out, intptr_t step, const REAL *start, intptr_t start_step)
{
    REAL copy[VECTOR_DEPTH], some[WIDE];
    const intptr_t wide = rt_gemm_even(n, WIDE, LANES);
    const int near = k >= 8 && k * n <= (k <= NEAR_ROWS ? NEAR_WIDE : NEAR) / (intptr_t)sizeof(REAL);
    if (n == 1 && x_step == 1 && depth == 1 && k >= 4 * VECTOR_DEPTH && k <= LONG / (intptr_t)sizeof(REAL)) {
        /* one sum of near vectors: four blocks at once */
        const intptr_t blocks = k / VECTOR_DEPTH / 4 * 4;
        REAL sum = 0;
        for (intptr_t p = 0; p < blocks * VECTOR_DEPTH; p += 4 * VECTOR_DEPTH) {
            NAME(dots)(4, x + p, VECTOR_DEPTH, m + p, VECTOR_DEPTH, VECTOR_DEPTH, some);
            sum = p ? sum + some[0] : start ? *start + some[0] : some[0];
            sum = sum + some[1];
            sum = sum + some[2];
            sum = sum + some[3];
        }
        *out = sum;
        if (blocks * VECTOR_DEPTH == k) return;
        x += blocks * VECTOR_DEPTH, m += blocks * VECTOR_DEPTH, k -= blocks * VECTOR_DEPTH;
        start = out;
    }
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
                if (width == 4) NAME(dots)(4, v, 0, at, lane, part, some);
                else NAME(dots)(1, v, 0, at, lane, part, some);
            } else {
                width = n - l < wide ? n - l : wide;
                if (near) NAME(few_rows)(v, at, depth, part, width, some);
                else NAME(rows)(v, at, depth, part, width, some);
            }
            if (start) for (intptr_t j = 0; j < width; j++) out[(l + j) * step] = start[(l + j) * start_step] + some[j];
            else for (intptr_t j = 0; j < width; j++) out[(l + j) * step] = some[j];
        }
    }
}
#undef WIDE
#undef FEW_VECTORS
