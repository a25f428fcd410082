/* fold_columns: the tree of fold.h for many columns at once, row by row, in tiles whose lanes stay in L1.  Part of fold.h,
 * which includes it for each type with FN, T and S set.  No include guard.  Floor: ufunc/kernels. */
/* `nvec` vectors of each of `count` rows, `gap` bytes apart, into acc one after the other; over: the first replaces it. What
 * lies `ahead` bytes on is fetched, unless that is 0.  lost: set where a NaN may be, if `native`. */
FOLD_INLINE void FN(add_strip)(T *acc, const char *x, intptr_t gap, int count, int nvec, int op, const T *center, int native, int over,
                               intptr_t ahead, IV *lost)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), MOST = 4 };
    const int about = center != NULL;
    V a[MOST] = {0}, c[MOST] = {0}, v[MOST];
#pragma GCC unroll 4
    for (int k = 0; k < nvec; k++) {
        if (about) memcpy(&c[k], center + k * WIDTH, sizeof c[k]);
        if (!over) memcpy(&a[k], acc + k * WIDTH, sizeof a[k]);
    }
    for (int s = 0; s < count; s++, x += gap) {
        if (ahead) for (int at = 0; at < nvec * WIDTH * (int)sizeof(S); at += 64) __builtin_prefetch(x + ahead + at);
#pragma GCC unroll 4
        for (int k = 0; k < nvec; k++) v[k] = FN(terms)(op, FN(get)((const S *)x + k * WIDTH), c[k], about);
#pragma GCC unroll 4
        for (int k = 0; native && k < nvec; k += 2) *lost |= FN(unordered)(v[k], v[k + 1 < nvec ? k + 1 : k]);
#pragma GCC unroll 4
        for (int k = 0; k < nvec; k++) a[k] = over && s == 0 ? v[k] : FN(step)(op, native, a[k], v[k]);
    }
#pragma GCC unroll 4
    for (int k = 0; k < nvec; k++) memcpy(acc + k * WIDTH, &a[k], sizeof a[k]);
}

/* The same for w elements of each row; bad: NULL where no NaN can be lost. */
FOLD_INLINE void FN(add_rows)(T *acc, const S *x, intptr_t gap, int count, intptr_t w, int op, const T *center, int over, intptr_t ahead, IV *bad)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    const int about = center != NULL, native = bad != NULL;
    intptr_t j = 0;
    IV lost = {0};
#define STRIPS(nvec)                                                                                                     \
    for (; j + nvec * WIDTH <= w; j += nvec * WIDTH)                                                                      \
        FN(add_strip)(acc + j, (const char *)(x + j), gap, count, nvec, op, about ? center + j : NULL, native, over, ahead, &lost)
    STRIPS(4);
    STRIPS(1);
#undef STRIPS
    if (native) *bad |= lost;
    for (; j < w; j++) {
        T a = over ? FN(term)(op, FN(value)(x[j]), center, about ? (int)j : 0) : acc[j];
        for (int s = over; s < count; s++)
            a = FN(one)(op, a, FN(term)(op, FN(value)(((const S *)((const char *)x + s * gap))[j]), center, about ? (int)j : 0));
        acc[j] = a;
    }
}

/* to = ((a, a + 2 n), (a + n, a + 3 n)), n elements each. */
FOLD_INLINE void FN(join_four)(const T *a, intptr_t n, int op, T *to)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    intptr_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH) {
        V p, q, r, s;
        memcpy(&p, a + j, sizeof p);
        memcpy(&q, a + j + n, sizeof q);
        memcpy(&r, a + j + 2 * n, sizeof r);
        memcpy(&s, a + j + 3 * n, sizeof s);
        p = FN(many)(op, FN(many)(op, p, r), FN(many)(op, q, s));
        memcpy(to + j, &p, sizeof p);
    }
    for (; j < n; j++) to[j] = FN(one)(op, FN(one)(op, a[j], a[j + 2 * n]), FN(one)(op, a[j + n], a[j + 3 * n]));
}

/* The tree over the lanes of w columns each, one behind the other. */
FOLD_INLINE void FN(join_lanes)(T *lane, intptr_t w, int op, T *out)
{
    intptr_t used = LANES;
    for (; used > 4; used /= 4) FN(join_four)(lane, used / 4 * w, op, lane);
    T *restrict to = out;
    for (intptr_t j = 0; j < w; j++) to[j] = FN(one)(op, lane[j], lane[j + w]);
}

/* A vector of columns of row k, joined with the rows 16, 8 and 24 further on where there are so many: what the tree over
 * n <= LANES rows has in lane k after two levels.  `part` columns, 0: all of the vector. */
FOLD_INLINE V FN(third_level)(const char *x, intptr_t k, intptr_t n, intptr_t step, intptr_t part, int op, V c, int about, int native, IV *lost)
{
    V v[4];
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
        const S *const from = (const S *)(x + (k + 8 * p) * step);
        if (k + 8 * p >= n) break;
        v[p] = part ? FN(get_part)(from, part, FN(neutral)(op)) : FN(get)(from);
        if (native) *lost |= (IV)(v[p] != v[p]);
        v[p] = FN(terms)(op, v[p], c, about);
    }
    if (k + 16 < n) v[0] = FN(step)(op, native, v[0], v[2]);
    if (k + 24 < n) v[1] = FN(step)(op, native, v[1], v[3]);
    return k + 8 < n ? FN(step)(op, native, v[0], v[1]) : v[0];
}

FOLD_INLINE V FN(few_rows_vector)(const char *x, intptr_t n, intptr_t step, intptr_t part, int op, V c, int about, int native, IV *lost)
{
    enum { TOP = 8 };
    V v[TOP];
#pragma GCC unroll 8
    for (int k = 0; k < TOP; k++) {
        if (k >= n) break;
        v[k] = FN(third_level)(x, k, n, step, part, op, c, about, native, lost);
    }
#pragma GCC unroll 3
    for (int half = TOP / 2; half; half /= 2)
#pragma GCC unroll 4
        for (int k = 0; k < half; k++)
            if (k + half < n) v[k] = FN(step)(op, native, v[k], v[k + half]);
    return v[0];
}

/* The tree over n <= LANES rows of m columns, in registers.  The last vector of columns overlaps the one before. */
FOLD_INLINE void FN(few_rows)(const char *x, intptr_t n, intptr_t step, intptr_t m, int op, const T *center, IV *bad, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    const int about = center != NULL, native = bad != NULL;
    V v, c = {0};
    IV lost = {0};
    if (m < WIDTH) {
        if (about) memcpy(&c, center, (size_t)m * sizeof(T));
        v = FN(few_rows_vector)(x, n, step, m, op, c, about, native, &lost);
        memcpy(out, &v, (size_t)m * sizeof(T));
    } else {
        for (intptr_t j = 0, next; j < m; j = next) {
            next = j + WIDTH;
            if (next < m && next + WIDTH > m) next = m - WIDTH;
            if (about) memcpy(&c, center + j, sizeof c);
            v = FN(few_rows_vector)(x + j * (intptr_t)sizeof(S), n, step, 0, op, c, about, native, &lost);
            memcpy(out + j, &v, sizeof v);
        }
    }
    if (native) *bad |= lost;
}

/* One tile of columns, of more rows than lanes. Rows without a gap are taken 32 at a time, as one. */
FOLD_INLINE void FN(fold_tile)(const char *x, intptr_t n, intptr_t step, intptr_t w, int op, const T *center, T *lane, IV *bad, T *out)
{
    enum { AT_ONCE = 4 };
    const int flat = step == w * (intptr_t)sizeof(S) && !center;
    const intptr_t lanes = flat ? LANES : 1, rows = n / lanes, row = w * lanes;      /* of `row` elements each */
    const intptr_t span = LANES / lanes;
    for (intptr_t i = 0; i < rows; i += AT_ONCE * span)
        for (intptr_t r = i; r < i + span && r < rows; r++) {
            const intptr_t more = (rows - r + span - 1) / span;
            FN(add_rows)(lane + (r - i) * row, (const S *)(x + r * lanes * step), span * lanes * step,
                         more < AT_ONCE ? (int)more : AT_ONCE, row, op, center, i == 0, flat ? 0 : 2 * step, bad);
        }
    if (flat && n % LANES)
        FN(add_rows)(lane, (const S *)(x + rows * lanes * step), 0, 1, n % LANES * w, op, NULL, 0, 0, bad);
    FN(join_lanes)(lane, w, op, out);
}

FOLD_INLINE int FN(any)(IV bad)
{
    FOLD_I any = 0;
    for (int k = 0; k < (int)(FOLD_BYTES / sizeof(T)); k++) any |= bad[k];
    return any != 0;
}

/* m packed columns of n rows at `step` bytes, n at most a block; center per column. */
FOLD_INLINE void FN(fold_rows)(const char *x, intptr_t n, intptr_t step, intptr_t m, int op, const T *center, T *out)
{
    enum { TILE = FOLD_TILE_BYTES / sizeof(T) };
    const int native = FN(has_native)(op);
    if (n <= LANES) {
        IV bad = {0};
        if (native) FN(few_rows)(x, n, step, m, op, center, &bad, out);
        if (!native || FN(any)(bad)) FN(few_rows)(x, n, step, m, op, center, NULL, out);
        return;
    }
    T lane[LANES * TILE] __attribute__((aligned(64)));
    for (intptr_t at = 0, w; at < m; at += w) {
        IV bad = {0};
        w = m - at < TILE ? m - at : TILE;
        const char *from = x + at * (intptr_t)sizeof(S);
        const T *c = center ? center + at : NULL;
        if (native) FN(fold_tile)(from, n, step, w, op, c, lane, &bad, out + at);
        if (!native || FN(any)(bad)) FN(fold_tile)(from, n, step, w, op, c, lane, NULL, out + at);
    }
}

#ifndef FOLD_WIDEN
/* Where the extreme value stands first; a NaN equals itself here. */
FOLD_INLINE intptr_t FN(find)(const T *x, intptr_t n, T value)
{
    intptr_t i = 0;
    if (value != value) {
        for (; i < n - 1; i++) if (x[i] != x[i]) break;
        return i;
    }
#if defined(__AVX2__)
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    const V sought = FN(even)(value);
    for (; i + 4 * WIDTH <= n; i += 4 * WIDTH) {
        IV hit = {0};
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) hit |= (IV)(FN(get)(x + i + k * WIDTH) == sought);
        if (!__builtin_ia32_ptestz256((FOLD_LONGS)hit, (FOLD_LONGS)hit)) break;
    }
    for (; i + WIDTH <= n; i += WIDTH) {
        const unsigned hit = (unsigned)__builtin_ia32_pmovmskb256((FOLD_CHARS)(IV)(FN(get)(x + i) == sought));
        if (hit) return i + __builtin_ctz(hit) / (int)sizeof(T);
    }
#else
    for (; i + LANES <= n; i += LANES) {
        FOLD_I hit = 0;
        for (int j = 0; j < LANES; j++) hit |= (FOLD_I)(x[i + j] == value);
        if (hit) break;
    }
#endif
    for (; i < n - 1; i++) if (x[i] == value) break;
    return i;
}

/* Pairs {value, place of the first such} of m packed columns.  Places must fit FOLD_I. */
FOLD_INLINE void FN(find_rows)(const char *x, intptr_t n, intptr_t step, intptr_t m, const T *best, char *out)
{
    enum { TILE = FOLD_TILE_BYTES / sizeof(T) };
    FOLD_I place[TILE];
    for (intptr_t at = 0; at < m; at += TILE) {
        const intptr_t w = m - at < TILE ? m - at : TILE;
        memset(place, 0, sizeof place);
        for (intptr_t i = n - 1; i >= 0; i--) {
            const T *row = (const T *)(x + i * step) + at;
            for (intptr_t j = 0; j < w; j++) {
                const T b = best[at + j];
                place[j] = (row[j] == b) | ((row[j] != row[j]) & (b != b)) ? (FOLD_I)i : place[j];
            }
        }
        for (intptr_t j = 0; j < w; j++) {
            *(T *)(out + 16 * (at + j)) = best[at + j];
            *(int64_t *)(out + 16 * (at + j) + 8) = place[j];
        }
    }
}

#endif
