/* sort: the rows that put elements along one dimension in order or choose among them by rank (sort, argsort,
 * topk, kthvalue, medians, mode), over the line kernels of kernels/order.h; threads take whole lines.
 * A gradient goes back to the place its value came from.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/reduce.h"
#include "ufunc/values.h"
#include "ufunc/views.h"

#define RELEASE_GIL 20000       /* elements */
#define MOST_PIECES 16

typedef enum { ORDER_SORT, ORDER_TOP, ORDER_RANK, ORDER_MODE } order_kind;

typedef struct {
    order_kind kind;
    intptr_t k;                 /* TOP: how many; RANK: which, from 0 */
    int descending, sorted;
    rt_rank_kind rank;
} order;

typedef struct {
    const order *o;
    const rt_orderer *kernel;
    rt_order_line line;         /* of the first line; room is piece 0's */
    int ndim;                   /* the other dimensions */
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM], item;
    intptr_t lines, inner, length, pieces, room;    /* length: results of a line */
} job;

static void run_line(const job *j, intptr_t l, char *room)
{
    const order *o = j->o;
    rt_order_line line = j->line;
    const intptr_t at = l / j->inner * j->inner * j->length + l % j->inner;
    line.room = room;
    if (line.values) line.values += at * j->item;
    if (line.index) line.index += at * 8;
    for (int d = j->ndim - 1; d >= 0; d--) {
        line.x += l % j->shape[d] * j->steps[d];
        l /= j->shape[d];
    }
    switch (o->kind) {
    case ORDER_SORT: j->kernel->sort(&line, o->descending); break;
    case ORDER_TOP: j->kernel->top(&line, o->k, o->descending, o->sorted); break;
    case ORDER_RANK: j->kernel->rank(&line, o->rank, o->k); break;
    default: j->kernel->mode(&line);
    }
}

static void run_pieces(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    for (intptr_t p = begin; p < end; p++)
        for (intptr_t l = j->lines * p / j->pieces; l < j->lines * (p + 1) / j->pieces; l++)
            run_line(j, l, j->line.room + p * j->room);
}

/* Lines of x along dim into packed values and indices (either may be NULL) of `length` along dim. */
static int run(const rt_op *op, const order *o, const rt_tensor *x, int dim, intptr_t length, rt_tensor *values, rt_tensor *indices)
{
    const intptr_t n = x->ndim ? x->shape[dim] : 1;
    job j = {.o = o, .kernel = &rt_isa_now->orderers[x->dtype], .item = (intptr_t)rt_tensor_itemsize(x), .length = length,
             .inner = 1, .lines = 1};
    for (int d = 0; d < x->ndim; d++) {
        if (d == dim) continue;
        if (d > dim) j.inner *= x->shape[d];
        j.lines *= x->shape[d];
        j.shape[j.ndim] = x->shape[d];
        j.steps[j.ndim++] = x->steps[d];
    }
    if (j.lines == 0 || length == 0) return 0;
    if (n > RT_ORDER_LONGEST)
        return rt_error(rt_TensorError, op->cls.name, "dimension %d has more than %zd elements", dim, (Py_ssize_t)RT_ORDER_LONGEST);
    if (o->kind == ORDER_SORT && j.lines == 1 && n >= RT_LONG_PLACES) {
        const rt_places places = {x->data, n, x->steps[dim], (rt_dtype)x->dtype, o->descending, values ? values->data : NULL,
                                  indices ? indices->data : NULL, j.inner * j.item, j.inner * 8};
        return rt_places_run(&places);
    }
    const int threaded = x->size > RELEASE_GIL;
    j.pieces = threaded ? rt_threads_count() : 1;
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    if (j.pieces > j.lines) j.pieces = j.lines;
    j.room = (rt_order_room(n) + 63) & ~(intptr_t)63;
    rt_storage *room = rt_memory_alloc((size_t)(j.pieces * j.room), (rt_device){RT_CPU, 0});
    if (!room) return -1;
    j.line = (rt_order_line){x->data, n, x->ndim ? x->steps[dim] : 0, values ? values->data : NULL, j.inner * j.item,
                             indices ? indices->data : NULL, j.inner * 8, room->data};
    if (threaded) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(j.pieces, 1, run_pieces, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_pieces(&j, 0, 1);
    }
    rt_storage_release(room);
    return 0;
}

static rt_tensor *input(const rt_op *op, const rt_operand *in, intptr_t *wrapped, int *dim)
{
    rt_tensor *x = rt_operand_tensor(op, &in[0], 0);
    if (!x || (*dim = rt_dim_wrap(op->cls.name, *wrapped, x->ndim)) < 0) return NULL;
    *wrapped = *dim;
    if (!rt_dtype_is_complex((rt_dtype)x->dtype)) return x;
    rt_error(rt_DtypeError, op->cls.name, "complex numbers (%s) have no order", rt_dtypes[x->dtype].name);
    return NULL;
}

/* Values and indices (with one output, `only`, that alone) in the given shape. */
typedef enum { BOTH, VALUES, INDICES } outputs;

static int compute(const rt_op *op, const order *o, const rt_operand *in, rt_tensor *x, int dim, intptr_t length, outputs which,
                   int ndim, const intptr_t *shape, rt_tensor **out)
{
    int status = -1;
    const int count = which == BOTH ? 2 : 1, given[2] = {out[0] != NULL, count == 2 && out[1] != NULL};
    rt_tensor *work[2] = {NULL, NULL};
    for (int k = 0; k < count; k++) {
        const rt_dtype d = k == 1 || which == INDICES ? RT_i64 : (rt_dtype)x->dtype;
        if (rt_output_begin(op, &out[k], d, ndim, shape, 1, in, 1, &work[k]) < 0) goto done;
    }
    if (run(op, o, x, dim, length, which == INDICES ? NULL : work[0], which == VALUES ? NULL : work[count - 1]) < 0) goto done;
    status = 0;
    for (int k = 0; k < count && status == 0; k++) {
        status = rt_output_finish(out[k], work[k]);
        work[k] = NULL;
    }
done:
    for (int k = 0; k < count; k++) {
        Py_XDECREF(work[k]);
        if (status < 0 && !given[k]) Py_CLEAR(out[k]);
    }
    return status;
}

/* ---- sort, argsort, topk ---- */
FORWARD(sort)
{
    int dim;
    rt_tensor *x = input(op, in, &p->i[0], &dim);
    const order o = {.kind = ORDER_SORT, .descending = (int)p->i[1]};
    if (!x) return -1;
    return compute(op, &o, in, x, dim, x->ndim ? x->shape[dim] : 1, BOTH, x->ndim, x->shape, out);
}

FORWARD(argsort)
{
    int dim;
    rt_tensor *x = input(op, in, &p->i[0], &dim);
    const order o = {.kind = ORDER_SORT, .descending = (int)p->i[1]};
    if (!x) return -1;
    return compute(op, &o, in, x, dim, x->ndim ? x->shape[dim] : 1, INDICES, x->ndim, x->shape, out);
}

FORWARD(topk)
{
    int dim;
    rt_tensor *x = input(op, in, &p->i[1], &dim);
    const order o = {.kind = ORDER_TOP, .k = p->i[0], .descending = (int)p->i[2], .sorted = (int)p->i[3]};
    intptr_t shape[RT_MAX_NDIM];
    if (!x) return -1;
    const intptr_t n = x->ndim ? x->shape[dim] : 1;
    if (o.k < 0 || o.k > n)
        return rt_error(PyExc_RuntimeError, op->cls.name, "k is %zd, but dimension %d has %zd elements", (Py_ssize_t)o.k, dim,
                        (Py_ssize_t)n);
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    if (x->ndim) shape[dim] = o.k;
    return compute(op, &o, in, x, dim, o.k, BOTH, x->ndim, shape, out);
}

/* ---- one of a line ---- */
static int choose(const rt_op *op, order *o, const rt_operand *in, rt_params *p, int at, rt_tensor **out)
{
    int dim;
    rt_tensor *x = input(op, in, &p->i[at], &dim);
    rt_frame f = {.x = x};
    char text[RT_SHAPE_TEXT];
    if (!x) return -1;
    const intptr_t n = x->ndim ? x->shape[dim] : 1;
    rt_reduce_frame_masked(&f, x->ndim ? (uint32_t)1 << dim : 0, (int)p->i[at + 1]);
    if (n == 0 && f.results > 0)
        return rt_error(rt_RangeError, op->cls.name, "no elements to choose from along dimension %d of shape %s", dim,
                        rt_shape_text(x->ndim, x->shape, text));
    if (o->kind == ORDER_RANK && o->rank == RT_RANK_KTH && (o->k < 0 || o->k >= n))
        return rt_error(PyExc_RuntimeError, op->cls.name, "k is %zd, but must be from 1 to the %zd elements of dimension %d",
                        (Py_ssize_t)o->k + 1, (Py_ssize_t)n, dim);
    return compute(op, o, in, x, dim, 1, BOTH, f.ndim, f.shape, out);
}

FORWARD(kthvalue)
{
    order o = {.kind = ORDER_RANK, .rank = RT_RANK_KTH, .k = p->i[0] == INTPTR_MIN ? INTPTR_MIN : p->i[0] - 1};
    return choose(op, &o, in, p, 1, out);
}

FORWARD(median_dim)
{
    order o = {.kind = ORDER_RANK, .rank = RT_RANK_MEDIAN};
    return choose(op, &o, in, p, 0, out);
}

FORWARD(nanmedian_dim)
{
    order o = {.kind = ORDER_RANK, .rank = RT_RANK_NANMEDIAN};
    return choose(op, &o, in, p, 0, out);
}

FORWARD(mode)
{
    order o = {.kind = ORDER_MODE};
    return choose(op, &o, in, p, 0, out);
}

/* ---- the median of everything ---- */
static int median_of_all(const rt_op *op, rt_rank_kind kind, const rt_operand *in, rt_tensor **out)
{
    int status = -1, dim;
    intptr_t zero = 0;
    const order o = {.kind = ORDER_RANK, .rank = kind};
    rt_tensor *x = input(op, in, &zero, &dim), *flat = NULL, *work = NULL, *packed = NULL, *const given = *out;
    if (!x) return -1;
    if (x->size == 0) {
        const rt_operand nan = rt_operand_float(Py_NAN);
        if (!rt_dtype_is_float((rt_dtype)x->dtype))
            return rt_error(PyExc_RuntimeError, op->cls.name, "an empty tensor of %s has no median", rt_dtypes[x->dtype].name);
        if (rt_output_begin(op, out, (rt_dtype)x->dtype, 0, NULL, 1, in, 1, &work) < 0 || rt_fill(work, &nan) < 0) goto done;
        status = rt_output_finish(*out, work);
        work = NULL;
        goto done;
    }
    packed = rt_tensor_is_contiguous(x) ? (rt_tensor *)Py_NewRef((PyObject *)x) : rt_copy_of(x);
    flat = packed ? rt_tensor_alias(packed, packed->data, (rt_dtype)x->dtype, 1, &packed->size, NULL) : NULL;
    status = flat ? compute(op, &o, in, flat, 0, 1, VALUES, 0, NULL, out) : -1;
done:
    Py_XDECREF(packed);
    Py_XDECREF(flat);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

FORWARD(median_all) { return median_of_all(op, RT_RANK_MEDIAN, in, out); }
FORWARD(nanmedian_all) { return median_of_all(op, RT_RANK_NANMEDIAN, in, out); }

/* Equal ones share evenly: g / count * (x == out), where a NaN equals a NaN. */
static int shared_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    enum { X, OUT, X_NAN, OUT_NAN, BOTH_NAN, EQUAL, HIT, TOTAL, EACH, COUNT };
    rt_tensor *t[COUNT] = {NULL};
    rt_operand v;
    rt_params p;
    if (rt_node_unpack(node, 0, &v) < 0) return -1;
    t[X] = v.t;
    if (rt_node_unpack(node, 1, &v) < 0) goto done;
    t[OUT] = v.t;
    rt_params_begin(&p);
    p.n[0] = -1;
    if (!(t[X_NAN] = rt_apply1(RT_OP_isnan, t[X])) || !(t[OUT_NAN] = rt_apply1(RT_OP_isnan, t[OUT]))) goto done;
    if (!(t[BOTH_NAN] = rt_apply2(RT_OP_logical_and, t[X_NAN], t[OUT_NAN]))) goto done;
    if (!(t[EQUAL] = rt_apply2(RT_OP_eq, t[X], t[OUT]))) goto done;
    if (!(t[HIT] = rt_apply2(RT_OP_logical_or, t[EQUAL], t[BOTH_NAN]))) goto done;
    if (!(t[TOTAL] = rt_apply1p(RT_OP_count_nonzero, t[HIT], &p))) goto done;
    if (!(t[EACH] = rt_apply2(RT_OP_div, g[0], t[TOTAL]))) goto done;
    gin[0] = rt_apply2(RT_OP_mul, t[EACH], t[HIT]);
done:
    for (int k = 0; k < COUNT; k++) Py_XDECREF(t[k]);
    return gin[0] ? 0 : -1;
}

BACKWARD(median_all) { return shared_backward(node, g, gin); }
BACKWARD(nanmedian_all) { return shared_backward(node, g, gin); }

/* ---- gradients of the others: g is added at the saved indices ---- */
static rt_tensor *with_dim(rt_tensor *t, int dim)
{
    if (rt_records(t)) {
        rt_params p;
        rt_params_begin(&p);
        p.i[0] = dim;
        return rt_apply1p(RT_OP_unsqueeze, t, &p);
    }
    return rt_view_unsqueeze(t, dim);
}

static int chosen_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin, int dim, int keepdim)
{
    const rt_input_meta m = rt_node_input(node, 0);
    rt_operand index;
    rt_tensor *zeros = NULL, *gk = NULL, *ik = NULL;
    if (!g[0]) return 0;
    if (m.ndim == 0) {
        gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
        return 0;
    }
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    gk = keepdim ? (rt_tensor *)Py_NewRef((PyObject *)g[0]) : with_dim(g[0], dim);
    ik = keepdim ? (rt_tensor *)Py_NewRef((PyObject *)index.t) : with_dim(index.t, dim);
    zeros = gk && ik ? rt_zeros((rt_dtype)gk->dtype, m.ndim, m.shape, m.device) : NULL;
    if (!zeros) goto done;
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(ik), rt_operand_of(gk)};
    rt_tensor *to = rt_records(gk) ? NULL : zeros;
    if (rt_op_apply(&rt_ops[RT_OP_scatter_add], 3, in, &p, &to) < 0) goto done;
    gin[0] = to;
    if (to == zeros) zeros = NULL;
done:
    Py_XDECREF(zeros);
    Py_XDECREF(gk);
    Py_XDECREF(ik);
    Py_DECREF(index.t);
    return gin[0] ? 0 : -1;
}

BACKWARD(sort) { return chosen_backward(node, g, gin, (int)node->params->i[0], 1); }
BACKWARD(topk) { return chosen_backward(node, g, gin, (int)node->params->i[1], 1); }
BACKWARD(kthvalue) { return chosen_backward(node, g, gin, (int)node->params->i[1], (int)node->params->i[2]); }
BACKWARD(median_dim) { return chosen_backward(node, g, gin, (int)node->params->i[0], (int)node->params->i[1]); }
BACKWARD(nanmedian_dim) { return chosen_backward(node, g, gin, (int)node->params->i[0], (int)node->params->i[1]); }
BACKWARD(mode) { return chosen_backward(node, g, gin, (int)node->params->i[0], (int)node->params->i[1]); }
BACKWARD(cummax) { return chosen_backward(node, g, gin, (int)node->params->i[0], 1); }
BACKWARD(cummin) { return chosen_backward(node, g, gin, (int)node->params->i[0], 1); }
