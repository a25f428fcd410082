/* attention: the row attention, softmax(q k^T scale + mask) v: per block of query rows one product, one
 * softmax in place and another product, so that memory grows with S alone.  Keys of several blocks are laid out
 * for the products once.  What is kept for backward is a number a row.  float16 and bfloat16 are computed in float32.  Floor: ufunc.
 * Source: Vaswani et al. 2017; recomputing scores in backward: Dao et al. 2022. */
#include "ufunc/attention.h"
#include <math.h>
#include "backends/blas.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/packed.h"
#include "ufunc/random.h"
#include "ufunc/record.h"
#include "ufunc/views.h"

/* ---- operands ---- */

void rt_attention_look(const rt_attention *a, rt_tensor *t, rt_attention_side *s)
{
    const int nlead = t->ndim - 2;
    s->t = t;
    s->row = t->steps[t->ndim - 2] / (intptr_t)rt_tensor_itemsize(t);
    for (int d = 0; d < a->nlead; d++) {
        const int k = d - (a->nlead - nlead);
        s->steps[d] = k < 0 || t->shape[k] == 1 ? 0 : t->steps[k];
    }
}

/* Can products read its matrices as they lie? */
static int is_usable(const rt_tensor *t, rt_dtype d)
{
    const intptr_t item = (intptr_t)rt_itemsize(d), row = t->steps[t->ndim - 2], columns = t->shape[t->ndim - 1];
    if ((rt_dtype)t->dtype != d || (uintptr_t)t->data % (uintptr_t)item) return 0;
    for (int k = 0; k < t->ndim; k++) if (t->steps[k] % item) return 0;
    return (t->steps[t->ndim - 1] == item || columns == 1) && row >= columns * item;
}

static int take(rt_attention *a, rt_tensor *t, rt_attention_side *s)
{
    rt_tensor *usable = is_usable(t, a->dtype) ? (rt_tensor *)Py_NewRef((PyObject *)t) : rt_packed(t, a->dtype);
    if (!usable) return -1;
    if (!is_usable(usable, a->dtype)) {          /* packed, but with rows of another order of dimensions */
        rt_tensor *copy = rt_copy_of(usable);
        Py_DECREF(usable);
        if (!(usable = copy)) return -1;
    }
    rt_attention_look(a, usable, s);
    if (usable->shape[usable->ndim - 2] == 1) s->row = usable->shape[usable->ndim - 1];
    return 0;
}

/* A mask of bools as 0 where one may look and -infinity elsewhere; any mask in dtype, of whole rows, which may be one
 * for all. */
static rt_tensor *additive(const rt_attention *a, rt_tensor *mask)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_tensor *wide = NULL, *out = NULL;
    memcpy(shape, mask->shape, (size_t)mask->ndim * sizeof *shape);
    shape[mask->ndim - 1] = a->keys;
    wide = rt_view_expand("attention", mask, mask->ndim, shape);
    out = wide ? rt_empty(a->dtype, mask->ndim, shape, mask->storage->device) : NULL;
    if (out && rt_copy_into(out, wide) < 0) Py_CLEAR(out);
    if (out && mask->dtype == RT_b1)
        for (intptr_t i = 0; i < out->size; i++) {
            if (a->dtype == RT_f32) ((float *)out->data)[i] = ((float *)out->data)[i] != 0 ? 0 : -INFINITY;
            else ((double *)out->data)[i] = ((double *)out->data)[i] != 0 ? 0 : (double)-INFINITY;
        }
    Py_XDECREF(wide);
    return out;
}

static int take_mask(const char *op, rt_attention *a, rt_tensor *mask)
{
    if (mask->dtype != RT_b1 && !rt_dtype_is_float((rt_dtype)mask->dtype))
        return rt_error(rt_DtypeError, op, "attn_mask must be bool or floating, not %s", rt_dtypes[mask->dtype].name);
    const intptr_t wanted[2] = {a->rows, a->keys};
    for (int d = 0; d < 2; d++) {
        const int k = mask->ndim - 2 + d;
        if (k < 0 || (mask->shape[k] != wanted[d] && mask->shape[k] != 1))
            return rt_error_shapes(op, "attn_mask must broadcast to (..., L, S) (attn_mask and (L, S))", mask->ndim,
                                   mask->shape, 2, wanted);
    }
    rt_tensor *t = additive(a, mask);
    if (!t) return -1;
    rt_attention_look(a, t, &a->mask);
    if (t->shape[t->ndim - 2] == 1) a->mask.row = 0;
    return 0;
}

static int broadcast(const char *op, rt_attention *a, const rt_tensor *t)
{
    return rt_shape_broadcast(op, &a->nlead, a->lead, t->ndim - 2, t->shape);
}

static int check(const char *op, rt_tensor *const *t, rt_attention *a)
{
    static const char *const names[3] = {"query", "key", "value"};
    for (int k = 0; k < 3; k++)
        if (t[k]->ndim < 2)
            return rt_error(rt_TensorError, op, "%s must have two dimensions or more, not %d", names[k], t[k]->ndim);
    for (int k = 1; k < 3; k++)
        if (t[k]->dtype != t[0]->dtype)
            return rt_error(rt_DtypeError, op, "query, key and value must have one dtype, not %s and %s",
                            rt_dtypes[t[0]->dtype].name, rt_dtypes[t[k]->dtype].name);
    const int nq = t[0]->ndim, nk = t[1]->ndim, nv = t[2]->ndim;
    a->rows = t[0]->shape[nq - 2];
    a->width = t[0]->shape[nq - 1];
    a->keys = t[1]->shape[nk - 2];
    a->value_width = t[2]->shape[nv - 1];
    if (t[1]->shape[nk - 1] != a->width)
        return rt_error_shapes(op, "query and key must have the same last dimension (query and key)", nq, t[0]->shape, nk,
                               t[1]->shape);
    if (t[2]->shape[nv - 2] != a->keys)
        return rt_error_shapes(op, "key and value must have the same number of rows (key and value)", nk, t[1]->shape, nv,
                               t[2]->shape);
    for (int k = 0; k < 3; k++) if (broadcast(op, a, t[k]) < 0) return -1;
    return t[3] ? broadcast(op, a, t[3]) : 0;
}

static int take_dropout(const char *op, rt_attention *a, const rt_params *p)
{
    if (!(p->f[0] >= 0 && p->f[0] <= 1))
        return rt_error(rt_TensorError, op, "dropout probability has to be between 0 and 1");
    const uint64_t drop = (uint64_t)(p->f[0] * 0x1p32 + 0.5);
    a->drops = drop != 0;
    a->drops_all = (int)(drop >> 32);
    a->below = ((uint64_t)1 << 32) - drop;
    a->keep_scale = a->drops_all ? 0 : 0x1p32 / (double)a->below;
    a->stream = (rt_stream){(uint64_t)p->i[1], (uint64_t)p->i[2]};
    return 0;
}

int rt_attention_begin(const char *op, const rt_operand *in, const rt_params *p, rt_attention *a)
{
    rt_tensor *t[4];
    memset(a, 0, sizeof *a);
    for (int k = 0; k < 4; k++) t[k] = in[k].none ? NULL : in[k].t;
    a->dtype = rt_packed_compute(op, (rt_dtype)t[0]->dtype);
    if (a->dtype == RT_NODTYPE || check(op, t, a) < 0 || take_dropout(op, a, p) < 0) return -1;
    a->kernels = rt_isa_now->attentions[a->dtype];
    a->randoms = rt_isa_now->randoms[a->dtype];
    a->item = rt_itemsize(a->dtype);
    a->scale = p->f[1];
    a->causal = (int)p->i[0];
    a->tasks = 1;
    for (int d = 0; d < a->nlead; d++) a->tasks *= a->lead[d];
    if (take(a, t[0], &a->q) < 0 || take(a, t[1], &a->k) < 0 || take(a, t[2], &a->v) < 0) return -1;
    return t[3] ? take_mask(op, a, t[3]) : 0;
}

void rt_attention_end(rt_attention *a)
{
    Py_XDECREF(a->q.t);
    Py_XDECREF(a->k.t);
    Py_XDECREF(a->v.t);
    Py_XDECREF(a->mask.t);
    rt_memory_free(a->scratch);
}

/* ---- places ---- */

int rt_attention_scratch(rt_attention *a, int parts, int turned)
{
    const intptr_t rows = a->rows < RT_ATTENTION_ROWS ? a->rows : RT_ATTENTION_ROWS;
    const intptr_t columns = rt_blas_packed_columns(a->dtype), most = a->width > a->value_width ? a->width : a->value_width;
    a->line = (a->keys + RT_ATTENTION_ROOM - 1) / RT_ATTENTION_ROOM * RT_ATTENTION_ROOM;
    if (a->line % 256 == 0) a->line += RT_ATTENTION_ROOM;      /* rows that do not fall on the same cache lines */
    a->packs = a->rows > RT_ATTENTION_ROWS && columns > 0;
    const intptr_t wide = a->packs ? (a->keys + columns - 1) / columns * columns : 0;
    const intptr_t shape[3] = {parts, rows, a->line}, panels[3] = {turned, most, wide};
    if (rt_shape_size(3, shape, a->item) < 0 || rt_shape_size(3, panels, a->item) < 0) return -1;
    a->part_bytes = (size_t)(rows * a->line) * a->item;
    a->part_bytes = (a->part_bytes + 63) / 64 * 64;
    a->turned_bytes = ((size_t)(most * wide) * a->item + 63) / 64 * 64;
    a->slots = rt_threads_count();
    if (a->slots > RT_ATTENTION_SLOTS) a->slots = RT_ATTENTION_SLOTS;
    a->slot_bytes = a->part_bytes * (size_t)parts + a->turned_bytes * (size_t)turned + 64;     /* apart from the next one's */
    a->scratch = rt_memory_try(a->slot_bytes * (size_t)a->slots + 64);
    return a->scratch ? 0 : -1;
}

char *rt_attention_take(rt_attention *a, int *slot)
{
    for (int k = 0;; k = (k + 1) % a->slots)
        if (!atomic_exchange(&a->busy[k], 1)) {
            *slot = k;
            return (char *)(((uintptr_t)a->scratch + 63) / 64 * 64) + (size_t)k * a->slot_bytes;
        }
}

rt_tensor *rt_attention_empty(const rt_attention *a, const rt_tensor *like, intptr_t rows, intptr_t columns)
{
    intptr_t shape[RT_MAX_NDIM], laid[RT_MAX_NDIM], dims[RT_MAX_NDIM], steps[RT_MAX_NDIM], order[RT_MAX_NDIM];
    const int n = a->nlead + 2;
    memcpy(shape, a->lead, (size_t)a->nlead * sizeof *shape);
    shape[n - 2] = rows;
    shape[n - 1] = columns;
    for (int d = 0; d < n; d++) {        /* order: of dimensions in memory, by like's steps; the last stays last */
        int at = d;
        steps[d] = like->ndim != n || d == n - 1 ? 0 : like->shape[d] == 1 && d ? steps[d - 1] : like->steps[d];
        for (; d < n - 1 && at && steps[order[at - 1]] < steps[d]; at--) order[at] = order[at - 1];
        order[at] = d;
    }
    for (int d = 0; d < n; d++) {
        laid[d] = shape[order[d]];
        dims[order[d]] = d;
    }
    rt_tensor *t = rt_empty(a->dtype, n, laid, like->storage->device);
    rt_tensor *out = t ? rt_view_permute("attention", t, n, dims) : NULL;
    Py_XDECREF(t);
    return out;
}

char *rt_attention_at(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t row)
{
    char *p = s->t->data + row * s->row * (intptr_t)a->item;
    for (int d = a->nlead - 1; d >= 0; d--) {
        p += task % a->lead[d] * s->steps[d];
        task /= a->lead[d];
    }
    return p;
}

const char *rt_attention_turn(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width,
                              const char *before, char *to)
{
    const char *from = rt_attention_at(a, s, task, 0);
    if (a->packs && from != before) rt_blas_pack(a->dtype, a->keys, width, from, 1, s->row, to);
    return from;
}

void rt_attention_times(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width, const char *turned,
                        const char *x, intptr_t x_row, intptr_t m, intptr_t n, char *out)
{
    if (a->rows <= RT_ATTENTION_FEW)
        a->kernels->dots(m, n, width, x, x_row, rt_attention_at(a, s, task, 0), s->row, out, a->line);
    else if (a->packs) rt_blas_gemm_packed(a->dtype, m, a->keys, width, x, x_row, 1, turned, 0, n, 0, out, a->line);
    else rt_blas_gemm(a->dtype, m, n, width, x, x_row, 1, rt_attention_at(a, s, task, 0), 1, s->row, 0, out, a->line);
}

void rt_attention_means(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width, const char *x,
                        intptr_t m, intptr_t n, char *out, intptr_t out_row)
{
    const char *from = rt_attention_at(a, s, task, 0);
    if (a->rows <= RT_ATTENTION_FEW) a->kernels->means(m, n, width, x, a->line, from, s->row, out, out_row);
    else rt_blas_gemm(a->dtype, m, width, n, x, a->line, 1, from, s->row, 1, 0, out, out_row);
}

void rt_attention_drop(const rt_attention *a, intptr_t task, intptr_t row, intptr_t n, char *x)
{
    const uint64_t groups = (uint64_t)((a->keys + RT_GROUP_WORDS - 1) / RT_GROUP_WORDS);
    if (a->drops_all) memset(x, 0, (size_t)n * a->item);
    else a->randoms->dropout(a->stream, (uint64_t)(task * a->rows + row) * groups, n, a->below, a->keep_scale, x, x);
}

/* ---- forward ---- */

typedef struct {
    rt_attention *a;
    rt_attention_side out;
    char *lse;
    intptr_t blocks;               /* of a task */
} job;

static void block(const job *j, intptr_t task, intptr_t first, char *scores, const char *keys)
{
    const rt_attention *a = j->a;
    const intptr_t last = first + RT_ATTENTION_ROWS < a->rows ? first + RT_ATTENTION_ROWS : a->rows;
    const intptr_t n = rt_attention_seen(a, last), step = a->line * (intptr_t)a->item;
    rt_attention_times(a, &a->k, task, a->width, keys, rt_attention_at(a, &a->q, task, first), a->q.row, last - first, n, scores);
    for (intptr_t r = first; r < last; r++) {
        char *x = scores + (r - first) * step;
        const intptr_t seen = rt_attention_seen(a, r + 1);
        a->kernels->soften(x, seen, a->scale, a->mask.t ? rt_attention_at(a, &a->mask, task, r) : NULL,
                           j->lse ? j->lse + (task * a->rows + r) * (intptr_t)a->item : NULL);
        if (n > seen) memset(x + seen * (intptr_t)a->item, 0, (size_t)(n - seen) * a->item);
        if (a->drops) rt_attention_drop(a, task, r, seen, x);
    }
    rt_attention_means(a, &a->v, task, a->value_width, scores, last - first, n, rt_attention_at(a, &j->out, task, first),
                       j->out.row);
}

static void run_blocks(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    int slot;
    char *scores = rt_attention_take(j->a, &slot), *keys = scores + j->a->part_bytes;
    const char *turned = NULL;
    for (intptr_t b = begin; b < end; b++) {
        const intptr_t task = b / j->blocks;
        turned = rt_attention_turn(j->a, &j->a->k, task, j->a->width, turned, keys);
        block(j, task, b % j->blocks * RT_ATTENTION_ROWS, scores, keys);
    }
    rt_attention_give(j->a, slot);
}

static int run(rt_attention *a, rt_tensor *out, rt_tensor *lse)
{
    const double work = (double)a->tasks * (double)a->rows * (double)a->keys * (double)(a->width + a->value_width);
    job j = {.a = a, .lse = lse ? lse->data : NULL, .blocks = (a->rows + RT_ATTENTION_ROWS - 1) / RT_ATTENTION_ROWS};
    rt_attention_look(a, out, &j.out);
    if (a->rows == 0 || a->tasks == 0 || a->value_width == 0) return 0;
    if (rt_attention_scratch(a, 1, 1) < 0) return -1;
    if (work > 100000) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(a->tasks * j.blocks, 1 + (intptr_t)(1e6 * (double)(a->tasks * j.blocks) / work), run_blocks, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_blocks(&j, 0, a->tasks * j.blocks);
    }
    return 0;
}

FORWARD(attention)
{
    int status = -1;
    rt_attention a;
    rt_tensor *result = NULL;
    if (out[0] || out[1]) return rt_error(PyExc_TypeError, op->cls.name, "has no 'out='");
    for (int k = 0; k < 4; k++)
        if (!in[k].none && !rt_operand_tensor(op, in, k)) return -1;
    if (p->f[0] > 0 && p->i[2] == RT_NONE_INT) {
        const rt_stream s = rt_generator_stream(&rt_generator_default);
        p->i[1] = (intptr_t)s.seed;
        p->i[2] = (intptr_t)s.number;
    }
    if (rt_attention_begin(op->cls.name, in, p, &a) < 0) goto done;
    const intptr_t lines[2] = {a.tasks, a.rows};
    if (!(out[1] = rt_empty(a.dtype, 2, lines, in[0].t->storage->device))) goto done;
    if (!(result = rt_attention_empty(&a, in[0].t, a.rows, a.value_width)) 
        || run(&a, result, rt_record_needless(op, nin, in) ? NULL : out[1]) < 0)
        goto done;
    out[0] = rt_packed_home(result, (rt_dtype)in[0].t->dtype);
    result = NULL;
    status = out[0] ? 0 : -1;
done:
    rt_attention_end(&a);
    Py_XDECREF(result);
    if (status < 0) Py_CLEAR(out[1]);
    return status;
}
