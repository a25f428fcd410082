/* pad: a tensor within a larger frame, filled with a constant or from the tensor itself
 * (reflect, replicate, circular).  `pad` lists (before, after) from the last dimension on, as
 * PyTorch has it; negative lengths cut.  Floor: ufunc. */
#include "ufunc/packed.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"

enum { GRAIN = 16384, UNLOCK = 65536 };      /* elements */

enum { CONSTANT, REFLECT, REPLICATE, CIRCULAR };

/* before[d] and the padded shape. */
static int frame(const rt_op *op, const rt_params *p, int ndim, const intptr_t *shape, intptr_t *before, intptr_t *full)
{
    int n = p->n[0] < 0 ? 0 : p->n[0];
    if (n % 2 || n / 2 > ndim)
        return rt_error(rt_TensorError, op->cls.name, "pad must hold a pair of lengths for each of the last dimensions, not"
                        " %d numbers for %d dimensions", n, ndim);
    for (int d = 0; d < ndim; d++) {
        int k = ndim - 1 - d;
        intptr_t after = 0;
        before[d] = 0;
        if (2 * k < n) {
            before[d] = p->list[2 * k];
            after = p->list[2 * k + 1];
        }
        if (__builtin_add_overflow(shape[d], before[d], &full[d]) || __builtin_add_overflow(full[d], after, &full[d])
            || full[d] < 0)
            return rt_error(rt_TensorError, op->cls.name, "padding %zd and %zd does not fit dimension %d of length %zd",
                            (Py_ssize_t)before[d], (Py_ssize_t)after, d, (Py_ssize_t)shape[d]);
        intptr_t most = before[d] > after ? before[d] : after, limit = shape[d] - (p->i[0] == REFLECT);
        if (p->i[0] == CIRCULAR) limit += (before[d] < 0 ? before[d] : 0) + (after < 0 ? after : 0);
        if ((p->i[0] == REFLECT || p->i[0] == CIRCULAR) && most > 0 && most > limit)
            return rt_error(rt_TensorError, op->cls.name, "padding %zd is longer than dimension %d of length %zd allows",
                            (Py_ssize_t)most, d, (Py_ssize_t)shape[d]);
        if (p->i[0] == REPLICATE && most > 0 && shape[d] == 0)
            return rt_error(rt_TensorError, op->cls.name, "dimension %d is empty: nothing to replicate", d);
    }
    return 0;
}

/* The element of x that stands at position i of the frame. */
static intptr_t source_of(intptr_t i, intptr_t before, intptr_t n, intptr_t full, int mode)
{
    if (mode == CIRCULAR) {                /* goes round what negative lengths have left */
        intptr_t after = full - n - before, first = before < 0 ? -before : 0, kept = n - first + (after < 0 ? after : 0);
        i -= before > 0 ? before : 0;
        return first + (i < 0 ? i + kept : i >= kept ? i - kept : i);
    }
    i -= before;
    if (i >= 0 && i < n) return i;
    if (mode == REFLECT) return i < 0 ? -i : 2 * (n - 1) - i;
    return i < 0 ? 0 : n - 1;
}

/* ---- rows of the frame ------------------------------------------------------------------- */

/* Both ways between packed x and the packed frame: each row of the frame has a row of x, or none (constant). */
typedef struct {
    int ndim;
    intptr_t full[RT_MAX_NDIM], start[RT_MAX_NDIM], rows;    /* lengths of the frame; tables; rows of a task */
    intptr_t *table;                 /* owned: element of x by position in each dimension, -1: outside */
    intptr_t item, low, high, shift, task_in, task_out;      /* the run of a row that stands in x, at i - shift; elements */
    const char *value;
    char *x, *frame;
    rt_dtype dtype;
    int mode;
} job;

static int job_begin(job *j, int ndim, const intptr_t *shape, const intptr_t *full, const intptr_t *before, int mode)
{
    intptr_t total = 0, stride = 1;
    j->ndim = ndim;
    j->mode = mode;
    for (int d = 0; d < ndim; d++) {
        j->full[d] = full[d];
        j->start[d] = total;
        total += full[d];
    }
    if (!(j->table = rt_memory_try((size_t)total * sizeof *j->table + 1))) return -1;
    for (int d = ndim - 1; d >= 0; d--) {
        for (intptr_t i = 0; i < full[d]; i++) {
            const int outside = mode == CONSTANT && (i < before[d] || i - before[d] >= shape[d]);
            j->table[j->start[d] + i] = outside ? -1 : source_of(i, before[d], shape[d], full[d], mode) * stride;
        }
        stride *= shape[d];
    }
    const int last = ndim - 1;
    j->shift = before[last];
    j->low = before[last] > 0 ? before[last] : 0;
    j->high = shape[last] + before[last] < full[last] ? shape[last] + before[last] : full[last];
    if (j->low > full[last]) j->low = full[last];
    if (j->high < j->low) j->high = j->low;
    /* a task is what lies behind the leading dimensions that have no frame: no two tasks share an element of x */
    int lead = 0;
    while (lead < last && shape[lead] == full[lead] && before[lead] == 0) lead++;
    j->rows = j->task_in = j->task_out = 1;
    for (int d = lead; d < ndim; d++) {
        j->task_in *= shape[d];
        j->task_out *= full[d];
        if (d < last) j->rows *= full[d];
    }
    for (int d = 0; d < ndim - lead; d++) {
        j->full[d] = j->full[lead + d];
        j->start[d] = j->start[lead + d];
    }
    j->ndim = ndim - lead;
    return 0;
}

static void put(char *to, const char *from, intptr_t item)
{
    if (item == 4) memcpy(to, from, 4);
    else if (item == 8) memcpy(to, from, 8);
    else memcpy(to, from, (size_t)item);
}

/* n elements of the value; what is written is copied on. */
static void fill(const job *j, char *to, intptr_t n)
{
    const intptr_t item = j->item;
    intptr_t done = 0;
    for (; done < n && done < 8; done++) put(to + done * item, j->value, item);
    for (intptr_t more; done < n; done += more) {
        more = n - done < done ? n - done : done;
        memcpy(to + done * item, to, (size_t)(more * item));
    }
}

static void take_row(const job *j, const char *x, char *to)
{
    const intptr_t n = j->full[j->ndim - 1], item = j->item, *at = j->table + j->start[j->ndim - 1];
    if (j->mode == CONSTANT) {
        const intptr_t low = x ? j->low : n, high = x ? j->high : n;
        fill(j, to, low);
        if (high > low) memcpy(to + low * item, x + (low - j->shift) * item, (size_t)((high - low) * item));
        fill(j, to + high * item, n - high);
        return;
    }
    for (intptr_t i = 0; i < n; i++) {
        if (i == j->low && j->high > j->low) {
            memcpy(to + i * item, x + (i - j->shift) * item, (size_t)((j->high - i) * item));
            i = j->high;
            if (i == n) break;
        }
        put(to + i * item, x + at[i] * item, item);
    }
}

#define GIVE(T) \
    static void give_##T(const job *j, T *restrict x, const T *restrict g) \
    { \
        const intptr_t n = j->full[j->ndim - 1], *at = j->table + j->start[j->ndim - 1]; \
        for (intptr_t i = 0; i < j->low; i++) x[at[i]] += g[i]; \
        for (intptr_t i = j->low; i < j->high; i++) x[i - j->shift] += g[i]; \
        for (intptr_t i = j->high; i < n; i++) x[at[i]] += g[i]; \
    }
GIVE(float)
GIVE(double)

/* Tasks begin .. end: the frame from x, or x (zeroed) from the frame's gradient. */
static void run_tasks(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t width = j->full[j->ndim - 1];
    for (intptr_t t = begin; t < end; t++) {
        intptr_t at[RT_MAX_NDIM] = {0};
        char *x = j->x + t * j->task_in * j->item, *to = j->frame + t * j->task_out * j->item;
        for (intptr_t r = 0; r < j->rows; r++, to += width * j->item) {
            intptr_t base = 0;
            for (int d = 0; d < j->ndim - 1 && base >= 0; d++) {
                const intptr_t here = j->table[j->start[d] + at[d]];
                base = here < 0 ? -1 : base + here;
            }
            if (j->dtype == RT_f32) give_float(j, (float *)x + base, (const float *)to);
            else if (j->dtype == RT_f64) give_double(j, (double *)x + base, (const double *)to);
            else take_row(j, base < 0 ? NULL : x + base * j->item, to);
            for (int d = j->ndim - 2; d >= 0 && ++at[d] == j->full[d]; d--) at[d] = 0;
        }
    }
}

static void run(job *j, intptr_t elements)
{
    const intptr_t tasks = j->task_out ? elements / j->task_out : 0;
    if (elements < UNLOCK) {
        run_tasks(j, 0, tasks);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(tasks, GRAIN / j->task_out + 1, run_tasks, j);
    Py_END_ALLOW_THREADS
}

/* Flat positions in x, per element of the frame, from one table a dimension. */
static rt_tensor *sources(int ndim, const intptr_t *shape, const intptr_t *full, const intptr_t *before, int mode)
{
    intptr_t start[RT_MAX_NDIM], at[RT_MAX_NDIM] = {0}, total = 0, stride = 1;
    rt_tensor *index = rt_empty(RT_i64, ndim, full, (rt_device){RT_CPU, 0});
    for (int d = 0; d < ndim; d++) {
        start[d] = total;
        total += full[d];
    }
    intptr_t *table = index ? rt_memory_try((size_t)total * sizeof *table + 1) : NULL;
    if (!table) {
        Py_XDECREF(index);
        return NULL;
    }
    for (int d = ndim - 1; d >= 0; d--) {
        for (intptr_t i = 0; i < full[d]; i++) table[start[d] + i] = source_of(i, before[d], shape[d], full[d], mode) * stride;
        stride *= shape[d];
    }
    int64_t *v = (int64_t *)index->data, *end = v + index->size;
    int last = ndim - 1;
    if (ndim == 0) *v++ = 0;
    while (v < end) {
        intptr_t base = 0;
        for (int d = 0; d < last; d++) base += table[start[d] + at[d]];
        for (intptr_t i = 0; i < full[last]; i++) *v++ = base + table[start[last] + i];
        for (int d = last - 1; d >= 0 && ++at[d] == full[d]; d--) at[d] = 0;
    }
    rt_memory_free(table);
    return index;
}

static void all_dims(int ndim, intptr_t *dims)
{
    for (int i = 0; i < ndim; i++) dims[i] = i;
}

FORWARD(pad)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work = NULL, *px = NULL, *filler = NULL, *const given = out[0];
    intptr_t before[RT_MAX_NDIM], full[RT_MAX_NDIM], one = 1;
    job j = {.dtype = RT_NODTYPE};
    int status = -1;
    if (!x || frame(op, p, x->ndim, x->shape, before, full) < 0) return -1;
    const rt_dtype d = (rt_dtype)x->dtype;
    const rt_operand value = rt_operand_float(p->f[0]);
    if (rt_output_begin(op, out, d, x->ndim, full, nin, in, 1, &work) < 0) goto done;
    if (x->ndim == 0) {
        status = rt_copy_into(work, x);
    } else if (work->size == 0) {
        status = 0;
    } else {
        if (!(px = rt_packed(x, d)) || !(filler = rt_empty(d, 1, &one, (rt_device){RT_CPU, 0})) || rt_fill(filler, &value) < 0)
            goto done;
        if (job_begin(&j, x->ndim, x->shape, full, before, (int)p->i[0]) < 0) goto done;
        j.item = (intptr_t)rt_itemsize(d);
        j.value = filler->data;
        j.x = px->data;
        j.frame = work->data;
        run(&j, work->size);
        status = 0;
    }
    if (status == 0) {
        status = rt_output_finish(out[0], work);
        work = NULL;
    }
done:
    rt_memory_free(j.table);
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)filler);
    Py_XDECREF((PyObject *)work);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    return status;
}

/* float32 and float64, when no graph of the gradient is wanted: rows are added up in the order of the frame. */
static rt_tensor *given_back(rt_tensor *g, const rt_input_meta *m, const intptr_t *before, const intptr_t *full, int mode)
{
    const rt_dtype d = (rt_dtype)g->dtype;
    job j = {.dtype = d, .item = (intptr_t)rt_itemsize(d)};
    rt_tensor *gp = rt_packed(g, d), *x = gp ? rt_zeros(d, m->ndim, m->shape, m->device) : NULL;
    if (x && g->size && job_begin(&j, m->ndim, m->shape, full, before, mode) < 0) Py_CLEAR(x);
    if (x && g->size) {
        j.x = x->data;
        j.frame = gp->data;
        run(&j, g->size);
    }
    rt_memory_free(j.table);
    Py_XDECREF((PyObject *)gp);
    return x;
}

BACKWARD(pad)
{
    const rt_params *q = node->params;
    rt_params p;
    rt_input_meta m = rt_node_input(node, 0);
    rt_params_begin(&p);
    if (q->i[0] == CONSTANT) {
        rt_params_push(&p, 0, q->n[0], q->list);
        for (int i = 0; i < q->n[0]; i++) p.list[i] = -p.list[i];
        return (gin[0] = rt_apply1p(RT_OP_pad, g[0], &p)) ? 0 : -1;
    }
    /* Every element of the frame is added to the one it was taken from. */
    intptr_t before[RT_MAX_NDIM], full[RT_MAX_NDIM], dims[RT_MAX_NDIM];
    if (frame(node->op, q, m.ndim, m.shape, before, full) < 0) return -1;
    if (!rt_grad_enabled && m.ndim && (g[0]->dtype == RT_f32 || g[0]->dtype == RT_f64))
        return (gin[0] = given_back(g[0], &m, before, full, (int)q->i[0])) ? 0 : -1;
    rt_tensor *index = sources(m.ndim, m.shape, full, before, (int)q->i[0]);
    rt_tensor *zeros = index ? rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device) : NULL;
    if (zeros) {
        rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(index), rt_operand_of(g[0])};
        all_dims(m.ndim, dims);
        rt_params_push(&p, 0, m.ndim, dims);
        p.i[1] = 1;
        if (rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, &zeros) == 0)
            gin[0] = (rt_tensor *)Py_NewRef((PyObject *)zeros);
    }
    Py_XDECREF(index);
    Py_XDECREF(zeros);
    return gin[0] ? 0 : -1;
}
