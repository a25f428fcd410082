/* attention_backward: gradients of attention.  Per task and block of query rows the probabilities are
 * computed again from the scores and the kept logarithms of sums; a task's blocks follow one another, so that
 * the gradients of key and value are summed in order.  Floor: ufunc. */
#include "backends/blas.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/attention.h"
#include "ufunc/packed.h"
#include "ufunc/replay.h"
#include "ufunc/views.h"

typedef struct {
    rt_attention *a;
    const char *lse;
    rt_attention_side g, q, k, v, mask;     /* g: of the result; the others are written */
} job;

/* A thread's room. */
typedef struct { char *p, *g, *dropped, *keys, *values; } room;

/* p: the scores, made probabilities; dropped: these as dropout left them; g: the gradient of these, made that of the
 * scores. */
static void rows_backward(const job *j, intptr_t task, intptr_t first, intptr_t last, intptr_t n, const room *at)
{
    const rt_attention *a = j->a;
    const intptr_t item = (intptr_t)a->item;
    for (intptr_t r = first; r < last; r++) {
        const intptr_t seen = rt_attention_seen(a, r + 1), row = (r - first) * a->line * item;
        const size_t rest = (size_t)((n - seen) * item);
        char *p = at->p + row, *g = at->g + row, *dropped = at->dropped + row;
        a->kernels->resoften(p, seen, a->scale, a->mask.t ? rt_attention_at(a, &a->mask, task, r) : NULL,
                             j->lse + (task * a->rows + r) * item);
        if (rest) memset(p + seen * item, 0, rest);
        if (a->drops) {
            memcpy(dropped, p, (size_t)(n * item));
            rt_attention_drop(a, task, r, seen, dropped);
            rt_attention_drop(a, task, r, seen, g);
        }
        a->kernels->slope(p, g, seen, j->mask.t ? 1 : a->scale);
        if (rest) memset(g + seen * item, 0, rest);
        if (!j->mask.t) continue;
        memcpy(rt_attention_at(a, &j->mask, task, r), g, (size_t)(n * item));
        a->kernels->scale(g, seen, a->scale);
    }
}

/* What the gradients of keys and values begin with is zero. */
static void block(const job *j, intptr_t task, intptr_t first, const room *at)
{
    const rt_attention *a = j->a;
    const intptr_t last = first + RT_ATTENTION_ROWS < a->rows ? first + RT_ATTENTION_ROWS : a->rows, m = last - first;
    const intptr_t n = rt_attention_seen(a, last);
    const char *go = rt_attention_at(a, &j->g, task, first), *q = rt_attention_at(a, &a->q, task, first);
    rt_attention_times(a, &a->k, task, a->width, at->keys, q, a->q.row, m, n, at->p);
    rt_attention_times(a, &a->v, task, a->value_width, at->values, go, j->g.row, m, n, at->g);
    rows_backward(j, task, first, last, n, at);
    if (j->v.t)
        rt_blas_gemm(a->dtype, n, a->value_width, m, a->drops ? at->dropped : at->p, 1, a->line, go, j->g.row, 1, 1,
                     rt_attention_at(a, &j->v, task, 0), j->v.row);
    if (j->q.t)
        rt_attention_means(a, &a->k, task, a->width, at->g, m, n, rt_attention_at(a, &j->q, task, first), j->q.row);
    if (j->k.t)
        rt_blas_gemm(a->dtype, n, a->width, m, at->g, 1, a->line, q, a->q.row, 1, 1, rt_attention_at(a, &j->k, task, 0),
                     j->k.row);
}

static void run_tasks(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_attention *a = j->a;
    int slot;
    char *scratch = rt_attention_take(j->a, &slot), *turned = scratch + (a->drops ? 3 : 2) * a->part_bytes;
    const room at = {scratch, scratch + a->part_bytes, scratch + 2 * a->part_bytes, turned, turned + a->turned_bytes};
    const char *keys = NULL, *values = NULL;
    for (intptr_t task = begin; task < end; task++) {
        keys = rt_attention_turn(a, &a->k, task, a->width, keys, at.keys);
        values = rt_attention_turn(a, &a->v, task, a->value_width, values, at.values);
        for (intptr_t first = 0; first < a->rows; first += RT_ATTENTION_ROWS) block(j, task, first, &at);
    }
    rt_attention_give(j->a, slot);
}

static int run(job *j)
{
    rt_attention *a = j->a;
    const double work = (double)a->rows * (double)a->keys * (double)(3 * a->width + 2 * a->value_width);
    if (rt_attention_scratch(a, a->drops ? 3 : 2, 2) < 0) return -1;
    if (work * (double)a->tasks > 100000) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(a->tasks, 1 + (intptr_t)(1e6 / (work + 1)), run_tasks, j);
        Py_END_ALLOW_THREADS
    } else {
        run_tasks(j, 0, a->tasks);
    }
    return 0;
}

/* Room for the gradient of input i, where it is wanted. */
static int want(rt_node *node, const rt_attention *a, int i, const rt_tensor *like, intptr_t rows, intptr_t columns,
                rt_tensor **gin, rt_attention_side *to)
{
    if (!rt_node_wants(node, i)) return 0;
    const rt_operand zero = rt_operand_int(0);
    gin[i] = rt_attention_empty(a, like, rows, columns);
    if (!gin[i] || rt_fill(gin[i], &zero) < 0) return -1;
    rt_attention_look(a, gin[i], to);
    return 0;
}

/* g laid out as products want it: heads within rows are all right. */
static rt_tensor *laid(const rt_attention *a, rt_tensor *g)
{
    const intptr_t item = (intptr_t)a->item;
    int usable = (rt_dtype)g->dtype == a->dtype && g->steps[g->ndim - 1] == item
                 && g->steps[g->ndim - 2] >= g->shape[g->ndim - 1] * item;
    for (int k = 0; k < g->ndim; k++) usable = usable && g->steps[k] % item == 0 && g->steps[k] >= 0;
    return usable ? (rt_tensor *)Py_NewRef((PyObject *)g) : rt_packed(g, a->dtype);
}

BACKWARD(attention)
{
    int status = -1;
    rt_operand in[5] = {{0}};
    rt_attention a = {0};
    rt_tensor *gp = NULL;
    if (rt_grad_enabled) return rt_replay(node, g, gin);
    for (int k = 0; k < 5; k++)
        if (rt_node_unpack(node, k, &in[k]) < 0) goto done;
    if (rt_attention_begin(node->cls->name, in, node->params, &a) < 0) goto done;
    job j = {.a = &a, .lse = in[4].t->data};
    if (!(gp = laid(&a, g[0]))) goto done;
    rt_attention_look(&a, gp, &j.g);
    if (want(node, &a, 0, in[0].t, a.rows, a.width, gin, &j.q) < 0 || want(node, &a, 1, in[1].t, a.keys, a.width, gin, &j.k) < 0
        || want(node, &a, 2, in[2].t, a.keys, a.value_width, gin, &j.v) < 0)
        goto done;
    if (in[3].t && want(node, &a, 3, in[3].t, a.rows, a.keys, gin, &j.mask) < 0) goto done;
    if (a.rows && a.keys && a.tasks && run(&j) < 0) goto done;
    for (int k = 0; k < 4; k++)
        if (gin[k] && !(gin[k] = rt_packed_home(gin[k], (rt_dtype)in[k].t->dtype))) goto done;
    status = 0;
done:
    rt_attention_end(&a);
    for (int k = 0; k < 5; k++) Py_XDECREF(in[k].t);
    Py_XDECREF(gp);
    return status;
}
