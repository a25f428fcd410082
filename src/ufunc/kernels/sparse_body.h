/* sparse_body: the loops of sparse.c for indices of type INDEX.  No include guard: sparse.c includes it once for
 * each.  A line's bounds and every index are read once, and compared before they are used.
 * Floor: ufunc/kernels. */

/* Entries j0..j1 of line i; 0 when they do not lie among those stored. */
ALWAYS int NAME(line)(const rt_compressed *a, intptr_t i, intptr_t *j0, intptr_t *j1)
{
    const volatile INDEX *const start = a->start;
    *j0 = start[i];
    *j1 = start[i + 1];
    return *j0 >= 0 && *j0 <= *j1 && *j1 <= a->count;
}

#define OUTSIDE(p, length) __builtin_expect((size_t)(intptr_t)(p) >= (size_t)(length), 0)

/* Rows of x that will be wanted are fetched, from whatever address a wrong index makes of it. */
#define AHEAD(bytes) \
    do { \
        const char *const far = (const char *)((uintptr_t)x + (uintptr_t)index[j + 8 < a->count ? j + 8 : j] * (uintptr_t)step); \
        for (size_t byte = 0; byte < (bytes); byte += 64) __builtin_prefetch(far + byte); \
    } while (0)

/* Entries of one line times columns of x, which begin at x. */
#define RUN(pack) \
    ALWAYS int NAME(run_##pack)(const rt_compressed *a, intptr_t j0, intptr_t j1, const char *x, intptr_t step, char *out) \
    { \
        const INDEX *const index = a->index; \
        const element *const data = (const element *)a->data; \
        const intptr_t length = a->length; \
        pack sum = {0}; \
        for (intptr_t j = j0; j < j1; j++) { \
            const INDEX p = index[j]; \
            if (OUTSIDE(p, length)) return 0; \
            if (sizeof(pack) > 64) AHEAD(sizeof(pack)); \
            pack##_add(&sum, data[j], x + (intptr_t)p * step); \
        } \
        pack##_put(out, &sum); \
        return 1; \
    }
RUN(pack_wide)
RUN(pack_middle)
#undef RUN

/* The n < MIDDLE columns that are left, n a constant in each call. */
ALWAYS int NAME(run_rest)(const rt_compressed *a, intptr_t j0, intptr_t j1, const char *x, intptr_t step, char *out, int n)
{
    const INDEX *const index = a->index;
    const element *const data = (const element *)a->data;
    const intptr_t length = a->length;
    element sum[MIDDLE] = {0};
    for (intptr_t j = j0; j < j1; j++) {
        const INDEX p = index[j];
        if (OUTSIDE(p, length)) return 0;
        const unaligned_1 *const row = (const unaligned_1 *)(x + (intptr_t)p * step);
        for (int c = 0; c < n; c++) sum[c] += data[j] * row[c];
    }
    memcpy(out, sum, (size_t)n * sizeof *sum);
    return 1;
}

ALWAYS int NAME(run_few)(const rt_compressed *a, intptr_t j0, intptr_t j1, const char *x, intptr_t step, char *out, intptr_t n)
{
#define CASE(k) case k: return NAME(run_rest)(a, j0, j1, x, step, out, k < MIDDLE ? k : 0);
    switch (n) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) }
#undef CASE
    return 1;
}

/* width 1: x is a vector. */
static intptr_t NAME(gather_vector)(const rt_compressed *a, const element *restrict x, element *restrict out, intptr_t begin,
                                    intptr_t end)
{
    const INDEX *restrict const index = a->index;
    const element *restrict const data = (const element *)a->data;
    const intptr_t length = a->length;
    for (intptr_t i = begin; i < end; i++) {
        element sum = 0;
        intptr_t j0, j1;
        if (!NAME(line)(a, i, &j0, &j1)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            if (OUTSIDE(p, length)) return i;
            sum += data[j] * x[p];
        }
        out[i] = sum;
    }
    return -1;
}

static intptr_t NAME(gather)(const rt_compressed *a, const char *x, intptr_t width, char *out, intptr_t begin, intptr_t end)
{
    const intptr_t item = sizeof(element), step = width * item;
    if (width == 1) return NAME(gather_vector)(a, (const element *)x, (element *)out, begin, end);
    for (intptr_t i = begin; i < end; i++) {
        char *const row = out + i * step;
        intptr_t j0, j1, c = 0;
        if (!NAME(line)(a, i, &j0, &j1)) return i;
        for (; c + WIDE <= width; c += WIDE)
            if (!NAME(run_pack_wide)(a, j0, j1, x + c * item, step, row + c * item)) return i;
        for (; c + MIDDLE <= width; c += MIDDLE)
            if (!NAME(run_pack_middle)(a, j0, j1, x + c * item, step, row + c * item)) return i;
        if (!NAME(run_few)(a, j0, j1, x + c * item, step, row + c * item, width - c)) return i;
    }
    return -1;
}

static intptr_t NAME(scatter_vector)(const rt_compressed *a, const element *restrict x, element *restrict out, intptr_t begin,
                                     intptr_t end)
{
    const INDEX *restrict const index = a->index;
    const element *restrict const data = (const element *)a->data;
    const intptr_t length = a->length;
    for (intptr_t i = begin; i < end; i++) {
        const element v = x[i];
        intptr_t j0, j1;
        if (!NAME(line)(a, i, &j0, &j1)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            if (OUTSIDE(p, length)) return i;
            out[p] += data[j] * v;
        }
    }
    return -1;
}

/* `few` columns in all, a constant, or 0: columns first..last. */
ALWAYS intptr_t NAME(scatter_rows)(const rt_compressed *a, const element *x, intptr_t width, intptr_t first, intptr_t last,
                                   element *out, intptr_t begin, intptr_t end, const int few)
{
    const INDEX *const index = a->index;
    const element *const data = (const element *)a->data;
    const intptr_t length = a->length, step = few ? few : width;
    for (intptr_t i = begin; i < end; i++) {
        const element *const row = x + i * step;
        intptr_t j0, j1;
        if (!NAME(line)(a, i, &j0, &j1)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            const element v = data[j];
            if (OUTSIDE(p, length)) return i;
            element *const to = out + (intptr_t)p * step;
            if (few) {
                for (int c = 0; c < few; c++) to[c] += v * row[c];
                continue;
            }
            intptr_t c = first;
            for (; c + MIDDLE <= last; c += MIDDLE) {
                pack_middle sum;
                memcpy(&sum, to + c, sizeof sum);
                pack_middle_add(&sum, v, (const char *)(row + c));
                pack_middle_put((char *)(to + c), &sum);
            }
            for (; c < last; c++) to[c] += v * row[c];
        }
    }
    return -1;
}

static intptr_t NAME(scatter)(const rt_compressed *a, const char *x, intptr_t width, intptr_t first, intptr_t last, char *out,
                              intptr_t begin, intptr_t end)
{
    const element *const from = (const element *)x;
    element *const to = (element *)out;
    switch (width) {
    case 1: return NAME(scatter_vector)(a, from, to, begin, end);
    case 2: return NAME(scatter_rows)(a, from, 2, 0, 2, to, begin, end, 2);
    case 3: return NAME(scatter_rows)(a, from, 3, 0, 3, to, begin, end, 3);
    }
    return NAME(scatter_rows)(a, from, width, first, last, to, begin, end, 0);
}

static intptr_t NAME(sample)(const rt_compressed *a, const char *x, const char *y, intptr_t width, char *out, intptr_t begin,
                             intptr_t end)
{
    const INDEX *const index = a->index;
    element *const to = (element *)out;
    const intptr_t length = a->length;
    for (intptr_t i = begin; i < end; i++) {
        const element *const row = (const element *)x + i * width;
        intptr_t j0, j1;
        if (!NAME(line)(a, i, &j0, &j1)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            if (OUTSIDE(p, length)) return i;
            const element *const other = (const element *)y + (intptr_t)p * width;
            to[j] = width == 1 ? *row * *other : dot(row, other, width);
        }
    }
    return -1;
}

/* One line of a times b, kept where c has an entry.  1, or 0 when an index is wrong. */
ALWAYS int NAME(product_line)(const rt_compressed *a, const rt_compressed *b, intptr_t length, intptr_t k0, intptr_t k1,
                              const intptr_t *where, element *out)
{
    for (intptr_t k = k0; k < k1; k++) {
        const INDEX p = ((const INDEX *)a->index)[k];
        const element v = ((const element *)a->data)[k];
        intptr_t j0, j1;
        if (OUTSIDE(p, b->lines) || !NAME(line)(b, p, &j0, &j1)) return 0;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX q = ((const INDEX *)b->index)[j];
            if (OUTSIDE(q, length)) return 0;
            const intptr_t at = where[q];
            if (at >= 0) out[at] += v * ((const element *)b->data)[j];
        }
    }
    return 1;
}

static intptr_t NAME(product)(const rt_compressed *a, const rt_compressed *b, const rt_compressed *c, intptr_t *where,
                              char *out, intptr_t begin, intptr_t end)
{
    const INDEX *const index = c->index;
    const intptr_t length = c->length;
    for (intptr_t i = begin; i < end; i++) {
        intptr_t j0, j1, k0, k1;
        if (!NAME(line)(c, i, &j0, &j1) || !NAME(line)(a, i, &k0, &k1)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            if (OUTSIDE(p, length)) return i;
            where[p] = j;
            ((element *)out)[j] = 0;
        }
        if (!NAME(product_line)(a, b, length, k0, k1, where, (element *)out)) return i;
        for (intptr_t j = j0; j < j1; j++) {
            const INDEX p = index[j];
            if (OUTSIDE(p, length)) return i;
            where[p] = -1;
        }
    }
    return -1;
}
#undef OUTSIDE
