/* c_api: what rustorch/include/rustorch.h promises, over the functions of the floors below.  The struct's layout is
 * public: members are only ever added at its end.  The capsule is the one way in; nothing is exported.
 * Floor: python. */
#include "python/c_api.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "dlpack/adopt.h"
#include "python/added_op.h"
#include "python/convert.h"
#include "ufunc/apply.h"
#include "ufunc/record.h"
#include "ufunc/views.h"
#include <string.h>

/* The header's numbers are ours. */
#define SAME(public, our) _Static_assert((intptr_t)(public) == (intptr_t)(our), #public);
SAME(RUSTORCH_BOOL, RT_b1) SAME(RUSTORCH_UINT8, RT_u8) SAME(RUSTORCH_INT8, RT_i8) SAME(RUSTORCH_UINT16, RT_u16)
SAME(RUSTORCH_INT16, RT_i16) SAME(RUSTORCH_UINT32, RT_u32) SAME(RUSTORCH_INT32, RT_i32) SAME(RUSTORCH_UINT64, RT_u64)
SAME(RUSTORCH_INT64, RT_i64) SAME(RUSTORCH_FLOAT16, RT_f16) SAME(RUSTORCH_BFLOAT16, RT_bf16) SAME(RUSTORCH_FLOAT32, RT_f32)
SAME(RUSTORCH_FLOAT64, RT_f64) SAME(RUSTORCH_COMPLEX64, RT_c64) SAME(RUSTORCH_COMPLEX128, RT_c128)
SAME(RUSTORCH_ANY, RT_NODTYPE) SAME(RUSTORCH_CPU, RT_CPU) SAME(RUSTORCH_CUDA, RT_CUDA) SAME(RUSTORCH_NONE, RT_NONE_INT)
SAME(RUSTORCH_MAX_NDIM, RT_MAX_NDIM)
#undef SAME

#define T(o) ((rt_tensor *)(o))

static int check(PyObject *o) { return rt_tensor_check(o); }
static void *data(PyObject *t) { return T(t)->data; }
static int dtype(PyObject *t) { return T(t)->dtype; }
static int ndim(PyObject *t) { return T(t)->ndim; }
static const intptr_t *shape(PyObject *t) { return T(t)->shape; }
static const intptr_t *steps(PyObject *t) { return T(t)->steps; }
static intptr_t numel(PyObject *t) { return T(t)->size; }
static int device(PyObject *t) { return T(t)->storage->device.type; }
static size_t itemsize(int d) { return d >= 0 && d < RT_NDTYPE ? rt_itemsize((rt_dtype)d) : 0; }

static int flags(PyObject *t)
{
    return (T(t)->flags & RT_READONLY ? RUSTORCH_READONLY : 0) | (rt_tensor_is_contiguous(T(t)) ? RUSTORCH_CONTIGUOUS : 0)
         | (rt_tensor_requires_grad(T(t)) ? RUSTORCH_REQUIRES_GRAD : 0);
}

static int check_dtype(const char *function, int d)
{
    if (itemsize(d)) return 0;
    return rt_error(PyExc_ValueError, function, "%d is the number of no dtype", d);
}

static int check_shape(const char *function, int n, const intptr_t *lengths)
{
    if (n < 0 || n > RT_MAX_NDIM) return rt_error(PyExc_ValueError, function, "%d dimensions; 0 to %d can be", n, RT_MAX_NDIM);
    return n && !lengths ? rt_error(PyExc_ValueError, function, "the shape is NULL") : 0;
}

static PyObject *empty(int d, int n, const intptr_t *lengths)
{
    if (check_dtype("empty", d) < 0 || check_shape("empty", n, lengths) < 0) return NULL;
    return (PyObject *)rt_empty((rt_dtype)d, n, lengths, (rt_device){RT_CPU, 0});
}

static PyObject *zeros(int d, int n, const intptr_t *lengths)
{
    if (check_dtype("zeros", d) < 0 || check_shape("zeros", n, lengths) < 0) return NULL;
    return (PyObject *)rt_zeros((rt_dtype)d, n, lengths, (rt_device){RT_CPU, 0});
}

static void keep(void *owner) { (void)owner; }

static PyObject *wrap(void *memory, int d, int n, const intptr_t *lengths, const intptr_t *by, int how,
                      void (*release)(void *), void *owner)
{
    rt_foreign f = {.op = "wrap", .error = PyExc_ValueError, .data = memory, .ndim = n, .readonly = how & RUSTORCH_READONLY,
                    .c_order = by == NULL, .release = release ? release : keep, .owner = owner};
    if (check_dtype("wrap", d) < 0 || check_shape("wrap", n, lengths) < 0) {
        rt_foreign_drop(&f);
        return NULL;
    }
    f.dtype = (rt_dtype)d;
    if (n) memcpy(f.shape, lengths, (size_t)n * sizeof *lengths);
    if (n && by) memcpy(f.steps, by, (size_t)n * sizeof *by);
    return (PyObject *)rt_foreign_adopt(&f, RT_COPY_NEVER);
}

static PyObject *as_tensor(PyObject *o, int d)
{
    if (d != RUSTORCH_ANY && check_dtype("as_tensor", d) < 0) return NULL;
    return (PyObject *)rt_convert_tensor(o, (rt_dtype)d, -1);
}

static PyObject *cast(PyObject *t, int d)
{
    return check_dtype("cast", d) < 0 ? NULL : (PyObject *)rt_cast(T(t), (rt_dtype)d);
}

static PyObject *contiguous(PyObject *t) { return (PyObject *)rt_contiguous(T(t)); }

static PyObject *call(const char *name, int nargs, PyObject *const *args)
{
    PyObject *module = PyImport_ImportModule("rustorch"), *function = module ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *result = function ? PyObject_Vectorcall(function, args, (size_t)nargs, NULL) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(module);
    return result;
}

static int will_write(PyObject *t)
{
    static const rt_op writer = {.cls = {.name = "C code"}};
    const rt_tensor *base = T(t)->base;
    if (rt_record_check_write(&writer, T(t)) < 0) return -1;
    if (rt_grad_enabled && (rt_tensor_requires_grad(T(t)) || (base && rt_tensor_requires_grad(base))))
        return rt_error(PyExc_RuntimeError, writer.cls.name, "no gradient can follow what it writes into a tensor that requires"
                        " grad; detach() or clone() it, or write under no_grad()");
    return rt_record_constant(&writer, T(t));
}

static void parallel_for(intptr_t n, intptr_t grain, void (*body)(void *, intptr_t, intptr_t), void *ctx)
{
    if (n <= 0) return;
    PyThreadState *held = n > grain && PyGILState_Check() ? PyEval_SaveThread() : NULL;
    rt_threads_for(n, grain < 1 ? 1 : grain, body, ctx);
    if (held) PyEval_RestoreThread(held);
}

static rustorch_api api = {
    .size = sizeof api, .version = RUSTORCH_API_VERSION, .Tensor = &rt_tensor_type,
    .check = check, .data = data, .dtype = dtype, .ndim = ndim, .shape = shape, .steps = steps, .numel = numel,
    .flags = flags, .device = device, .itemsize = itemsize,
    .empty = empty, .zeros = zeros, .wrap = wrap, .as_tensor = as_tensor, .cast = cast, .contiguous = contiguous,
    .call = call, .will_write = will_write, .parallel_for = parallel_for, .num_threads = rt_threads_count,
    .register_op = rt_added_op_register, .output = rt_added_op_output, .set_output = rt_added_op_set_output,
};

int rt_c_api_init(PyObject *module)
{
    api.RusTorchError = rt_RusTorchError;
    api.TensorError = rt_TensorError;
    api.ShapeMismatchError = rt_ShapeMismatchError;
    api.DtypeError = rt_DtypeError;
    api.DeviceError = rt_DeviceError;
    PyObject *capsule = PyCapsule_New(&api, "rustorch._C._C_API", NULL);
    if (!capsule || PyModule_AddObject(module, "_C_API", capsule) < 0) {
        Py_XDECREF(capsule);
        return -1;
    }
    return 0;
}
