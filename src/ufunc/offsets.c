/* offsets: indices turned into byte offsets, and elements moved between those places and dense
 * memory.  All bounds are checked while offsets are made, so before anything is written.
 *
 *   far   before dims | indexed dims | after dims     any steps
 *   near  before      | n offsets    | after          dense
 *
 * Floor: ufunc. */
#include "ufunc/offsets.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/views.h"

#define UNLOCK 65536                  /* bytes from which the interpreter is let go */
#define GRAIN_BYTES (256 * 1024)
#define AHEAD 4                       /* rows */

rt_tensor *rt_index_int64(const char *op, const rt_tensor *index)
{
    if (index->dtype == RT_i64 && rt_tensor_is_contiguous(index)) return (rt_tensor *)Py_NewRef((PyObject *)index);
    if (!rt_dtype_is_integer((rt_dtype)index->dtype)) {
        rt_error(rt_RangeError, op, "indices must be integers, not %s", rt_dtypes[index->dtype].name);
        return NULL;
    }
    rt_tensor *t = rt_empty(RT_i64, index->ndim, index->shape, index->storage->device);
    if (t && rt_copy_into(t, index) < 0) Py_CLEAR(t);
    return t;
}

static int alloc_offsets(rt_offsets *o, intptr_t n)
{
    o->n = n;
    o->at = o->room;
    if (n <= 32) return 0;
    o->at = rt_memory_try((size_t)n * sizeof *o->at);
    return o->at ? 0 : -1;
}

void rt_offsets_drop(rt_offsets *o)
{
    if (o->at && o->at != o->room) rt_memory_free(o->at);
    o->at = NULL;
}

static int refuse(const char *op, int64_t v, int k, intptr_t dim, intptr_t length)
{
    if (k == 1)
        return rt_error(rt_RangeError, op, "index %lld is out of bounds for axis %zd with size %zd", (long long)v,
                        (Py_ssize_t)dim, (Py_ssize_t)length);
    return rt_error(rt_RangeError, op, "index %lld is out of bounds for %zd elements", (long long)v, (Py_ssize_t)length);
}

int rt_offsets_flat(const char *op, rt_offsets *o, const rt_tensor *x, int k, const intptr_t *dims, const rt_tensor *index)
{
    intptr_t length[RT_MAX_NDIM], step[RT_MAX_NDIM], total = 1;
    int n = 0;
    *o = (rt_offsets){.at = NULL};
    /* Dimensions that lie one in the other count as one. */
    for (int i = 0; i < k; i++) {
        intptr_t l = x->shape[dims[i]], s = x->steps[dims[i]];
        total *= l;
        if (n > 0 && step[n - 1] == s * l) length[n - 1] *= l, step[n - 1] = s;
        else length[n] = l, step[n++] = s;
    }
    if (n == 0) length[0] = 1, step[0] = 0, n = 1;
    rt_tensor *t = rt_index_int64(op, index);
    if (!t) return -1;
    int rc = alloc_offsets(o, t->size);
    const int64_t *v = (const int64_t *)t->data;
    for (intptr_t i = 0; rc == 0 && i < o->n; i++) {
        intptr_t at = v[i];
        if (at < 0) at += total;
        if ((size_t)at >= (size_t)total) {
            rc = refuse(op, v[i], k, k ? dims[0] : 0, total);
            break;
        }
        intptr_t offset = 0;
        for (int d = n - 1; d > 0; d--) {
            intptr_t q = at / length[d];
            offset += (at - q * length[d]) * step[d];
            at = q;
        }
        o->at[i] = offset + at * step[0];
    }
    Py_DECREF(t);
    if (rc < 0) rt_offsets_drop(o);
    return rc;
}

int rt_offsets_along(const char *op, rt_offsets *o, const rt_tensor *x, int dim, const rt_tensor *index)
{
    *o = (rt_offsets){.at = NULL};
    rt_tensor *t = rt_index_int64(op, index);
    if (!t) return -1;
    if (t->size == 0) {                      /* of whatever rank */
        Py_DECREF(t);
        return alloc_offsets(o, 0);
    }
    int rc = alloc_offsets(o, t->size), last = t->ndim - 1;
    intptr_t at[RT_MAX_NDIM] = {0}, base = 0, e = 0;
    intptr_t length = x->ndim ? x->shape[dim] : 1, step = x->ndim ? x->steps[dim] : 0;
    intptr_t row = last < 0 ? 1 : t->shape[last], along = last < 0 || dim == last ? 0 : x->steps[last];
    const int64_t *v = (const int64_t *)t->data;
    while (rc == 0 && e < o->n) {
        for (intptr_t j = 0; j < row; j++, e++) {
            intptr_t i = v[e] < 0 ? v[e] + length : v[e];
            if ((size_t)i >= (size_t)length) {
                rc = refuse(op, v[e], 1, dim, length);
                break;
            }
            o->at[e] = base + j * along + i * step;
        }
        for (int d = last - 1; d >= 0; d--) {
            intptr_t s = d == dim ? 0 : x->steps[d];
            base += s;
            if (++at[d] < t->shape[d]) break;
            base -= at[d] * s;
            at[d] = 0;
        }
    }
    Py_DECREF(t);
    if (rc < 0) rt_offsets_drop(o);
    return rc;
}

/* ---- reading at once ---- */

intptr_t rt_offsets_read(char *restrict to, const char *restrict from, intptr_t along, intptr_t step, intptr_t item,
                         const int64_t *restrict v, intptr_t n, intptr_t length)
{
    switch (item) {
#define READ_BY(size, along, step) \
        _Pragma("GCC unroll 8") for (intptr_t j = 0; j < n; j++) { \
            intptr_t i = v[j]; \
            if (!rt_index_inside(&i, length)) return j; \
            memcpy(to + j * size, from + j * (along) + i * (step), size); \
        }
#define READ(size) case size: \
        if (along == 0 && step == size) { READ_BY(size, 0, size) } \
        else { READ_BY(size, along, step) } \
        break
    READ(1); READ(2); READ(4); READ(8); READ(16);
#undef READ
#undef READ_BY
    }
    return -1;
}

typedef struct { const rt_tensor *x, *index; char *out; int bad; } reader;

static void read_range(void *context, intptr_t begin, intptr_t end)
{
    reader *r = context;
    const intptr_t item = (intptr_t)rt_tensor_itemsize(r->x);
    const int64_t *v = (const int64_t *)r->index->data + begin;
    if (rt_offsets_read(r->out + begin * item, r->x->data, 0, item, item, v, end - begin, r->x->size) >= 0)
        __atomic_store_n(&r->bad, 1, __ATOMIC_RELAXED);
}

int rt_offsets_read_flat(const rt_tensor *x, const rt_tensor *index, char *out)
{
    reader r = {x, index, out, 0};
    if (index->size < UNLOCK / 8) {
        read_range(&r, 0, index->size);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(index->size, 32768, read_range, &r);
        Py_END_ALLOW_THREADS
    }
    return !r.bad;
}

/* ---- moving ---- */

typedef struct {
    rt_move_kind kind;
    rt_add_run *add;
    rt_dtype dtype;
    const rt_offsets *o;
    char *far, *near;
    intptr_t item, block, nbefore;                     /* block: bytes of near an offset */
    int ndim_before, ndim_after;
    intptr_t before[RT_MAX_NDIM], before_step[RT_MAX_NDIM], after[RT_MAX_NDIM], after_step[RT_MAX_NDIM];
} mover;

static void move_run(const mover *m, char *far, char *near, intptr_t n, intptr_t step)
{
    intptr_t item = m->item;
    if (m->kind == RT_MOVE_ADD) {
        m->add(far, near, n, step, item);
        return;
    }
    char *to = m->kind == RT_MOVE_GET ? near : far, *from = m->kind == RT_MOVE_GET ? far : near;
    if (step == item) {
        memcpy(to, from, (size_t)(n * item));
        return;
    }
    intptr_t to_step = m->kind == RT_MOVE_GET ? item : step, from_step = m->kind == RT_MOVE_GET ? step : item;
    switch (item) {
#define COPY(size) case size: for (; n > 0; n--, to += to_step, from += from_step) memcpy(to, from, size); break
    COPY(1); COPY(2); COPY(4); COPY(8); COPY(16);
#undef COPY
    }
}

static void move_block(const mover *m, int d, char *far, char *near)
{
    if (d == m->ndim_after) {
        move_run(m, far, near, 1, m->item);
    } else if (d == m->ndim_after - 1) {
        move_run(m, far, near, m->after[d], m->after_step[d]);
    } else {
        intptr_t inner = m->item;
        for (int i = d + 1; i < m->ndim_after; i++) inner *= m->after[i];
        for (intptr_t i = 0; i < m->after[d]; i++) move_block(m, d + 1, far + i * m->after_step[d], near + i * inner);
    }
}

/* Single elements at offsets [b, e). */
static void move_elements(const mover *m, char *far, char *near, intptr_t b, intptr_t e)
{
    const intptr_t *at = m->o->at;
    if (m->kind == RT_MOVE_ADD) {
        rt_add_places(m->dtype, far, at + b, near + b * m->item, e - b);
        return;
    }
    int get = m->kind == RT_MOVE_GET;
    switch (m->item) {
#define MOVE(size) case size: \
        if (get) for (intptr_t j = b; j < e; j++) memcpy(near + j * size, far + at[j], size); \
        else for (intptr_t j = b; j < e; j++) memcpy(far + at[j], near + j * size, size); \
        break
    MOVE(1); MOVE(2); MOVE(4); MOVE(8); MOVE(16);
#undef MOVE
    }
}

/* Packed rows at offsets [b, e): short ones without a call for each. */
static void move_rows(const mover *m, char *far, char *near, intptr_t b, intptr_t e)
{
    const intptr_t *at = m->o->at;
    const int get = m->kind == RT_MOVE_GET;
    switch (m->block) {
#define ROWS(size) case size: \
        if (get) for (intptr_t j = b; j < e; j++) memcpy(near + j * size, far + at[j], size); \
        else for (intptr_t j = b; j < e; j++) memcpy(far + at[j], near + j * size, size); \
        return
    ROWS(8); ROWS(16); ROWS(32); ROWS(64); ROWS(128);
#undef ROWS
    }
    for (intptr_t j = b; j < e; j++) {
        if (j + AHEAD < e) __builtin_prefetch(far + at[j + AHEAD]);
        char *const there = far + at[j], *const here = near + j * m->block;
        memcpy(get ? here : there, get ? there : here, (size_t)m->block);
    }
}

static void move_offsets(const mover *m, intptr_t before, intptr_t b, intptr_t e)
{
    char *far = m->far, *near = m->near + before * m->o->n * m->block;
    for (int d = m->ndim_before - 1; d >= 0; d--) {
        far += before % m->before[d] * m->before_step[d];
        before /= m->before[d];
    }
    if (m->ndim_after == 0) {
        move_elements(m, far, near, b, e);
        return;
    }
    if (m->ndim_after == 1 && m->after_step[0] == m->item && m->kind != RT_MOVE_ADD) {
        move_rows(m, far, near, b, e);
        return;
    }
    for (intptr_t j = b; j < e; j++) move_block(m, 0, far + m->o->at[j], near + j * m->block);
}

/* Ranges over all pairs (before, offset) when elements are read, over `before` alone when they are
 * written, since offsets may repeat. */
static void move_range(void *context, intptr_t begin, intptr_t end)
{
    const mover *m = context;
    intptr_t n = m->o->n;
    if (m->kind != RT_MOVE_GET) {
        for (intptr_t i = begin; i < end; i++) move_offsets(m, i, 0, n);
        return;
    }
    while (begin < end) {
        intptr_t i = begin / n, b = begin - i * n, e = end - i * n < n ? end - i * n : n;
        move_offsets(m, i, b, e);
        begin += e - b;
    }
}

static void lay_out(mover *m, const rt_tensor *far, uint32_t gone, int position)
{
    int rest = 0;
    m->item = m->block = (intptr_t)rt_tensor_itemsize(far);
    m->nbefore = 1;
    for (int i = 0; i < far->ndim; i++) {
        if (gone >> i & 1) continue;
        intptr_t l = far->shape[i], s = far->steps[i];
        if (rest++ < position) {
            m->before[m->ndim_before] = l;
            m->before_step[m->ndim_before++] = s;
            m->nbefore *= l;
            continue;
        }
        m->block *= l;
        if (l == 1) continue;
        int k = m->ndim_after - 1;
        if (k >= 0 && m->after_step[k] == s * l) m->after[k] *= l, m->after_step[k] = s;
        else m->after[m->ndim_after] = l, m->after_step[m->ndim_after++] = s;
    }
}

void rt_offsets_move(rt_move_kind kind, const rt_tensor *far, uint32_t gone, int position, const rt_offsets *o, char *near)
{
    mover m;
    m.kind = kind;
    m.add = rt_add_runs[far->dtype];
    m.dtype = (rt_dtype)far->dtype;
    m.o = o;
    m.far = far->data;
    m.near = near;
    m.ndim_before = m.ndim_after = 0;
    lay_out(&m, far, gone, position);
    if (o->n == 0 || m.nbefore == 0 || m.block == 0) return;
    intptr_t total = kind == RT_MOVE_GET ? m.nbefore * o->n : m.nbefore;
    intptr_t piece = kind == RT_MOVE_GET ? m.block : o->n * m.block;
    intptr_t grain = GRAIN_BYTES / piece > 1 ? GRAIN_BYTES / piece : 1;
    if (total * piece < UNLOCK) {
        move_range(&m, 0, total);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(total, grain, move_range, &m);
    Py_END_ALLOW_THREADS
}
