/* portable: a row's loop of the baseline instruction set, over packed float64.  Floor: ufunc. */
#include "ufunc/portable.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/apply.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

enum { UNLOCK = 65536, GRAIN = 8192 };           /* elements */

/* What every CPU of the architecture runs. */
#if defined(__x86_64__)
static const rt_isa *const baseline = &rt_isa_v2;
#else
static const rt_isa *const baseline = &rt_isa_portable;
#endif

typedef struct {
    rt_loop *loop;
    char *x, *out;
} job;

static void run_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const intptr_t size = sizeof(double);
    char *args[2] = {j->x + begin * size, j->out + begin * size};
    intptr_t n = end - begin, steps[2] = {size, size};
    j->loop(args, &n, steps, NULL);
}

static rt_loop *baseline_loop(const char *name)
{
    const rt_op *op = rt_op_find(name);
    const int fits = op && op->family == RT_ELEMENTWISE && op->nin == 1 && !op->select && op->index < RT_NKERNEL;
    rt_loop *loop = fits ? baseline->loops[RT_f64][op->index] : NULL;
    if (!loop) PyErr_Format(PyExc_ValueError, "_portable: '%s' is no function of one float64", name);
    return loop;
}

rt_tensor *rt_portable_apply(const char *name, rt_tensor *x)
{
    job j = {.loop = baseline_loop(name)};
    rt_tensor *packed = NULL, *out = NULL;
    if (!j.loop) return NULL;
    packed = rt_empty(RT_f64, x->ndim, x->shape, x->storage->device);
    out = packed ? rt_empty(RT_f64, x->ndim, x->shape, x->storage->device) : NULL;
    if (!out || rt_copy_into(packed, x) < 0) {
        Py_CLEAR(out);
        goto done;
    }
    j.x = packed->data;
    j.out = out->data;
    if (out->size < UNLOCK) {
        if (out->size) run_piece(&j, 0, out->size);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(out->size, GRAIN, run_piece, &j);
        Py_END_ALLOW_THREADS
    }
done:
    Py_XDECREF((PyObject *)packed);
    return out;
}
