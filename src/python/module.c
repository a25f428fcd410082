/* module: rustorch._C, put together: types, op functions, creation, autograd, memory and
 * threads.  Floor: python. */
#include "backends/blas.h"
#include "backends/lapack.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/node.h"
#include "dlpack/exchange.h"
#include "python/data_module.h"
#include "python/dialect.h"
#include "python/drawing.h"
#include "python/autocast.h"
#include "python/autograd_module.h"
#include "python/convert.h"
#include "python/settings.h"
#include "python/script.h"
#include "python/size.h"
#include "python/creation.h"
#include "python/c_api.h"
#include "python/function.h"
#include "python/guard.h"
#include "python/layout.h"
#include "python/module_call.h"
#include "python/ndarray.h"
#include "python/node_type.h"
#include "python/numpy_protocol.h"
#include "python/observer.h"
#include "python/optim_replay.h"
#include "python/optim_step.h"
#include "python/python_op.h"
#include "python/random_module.h"
#include "python/recorder.h"
#include "python/tensor_type.h"
#include "python/ufunc_register.h"

/* add_method(name, object): puts it on the Tensor type, which Python may not change itself. */
static PyObject *add_to(PyTypeObject *type, PyObject *args)
{
    PyObject *name, *value;
    if (!PyArg_ParseTuple(args, "UO:_add_method", &name, &value)) return NULL;
    if (PyDict_SetItem(type->tp_dict, name, value) < 0) return NULL;
    PyType_Modified(type);
    Py_RETURN_NONE;
}

static PyObject *add_method(PyObject *m, PyObject *args) { (void)m; return add_to(&rt_tensor_type, args); }
static PyObject *add_node_method(PyObject *m, PyObject *args) { (void)m; return add_to(&rt_node_type, args); }

static PyObject *memory_stats(PyObject *m, PyObject *unused)
{
    (void)m, (void)unused;
    rt_memory_stats s;
    rt_memory_get_stats(&s);
    return Py_BuildValue("{sKsKsKsKsKsKsK}", "allocations", s.allocations, "cache_hits", s.cache_hits, "live_bytes",
                         s.live_bytes, "peak_bytes", s.peak_bytes, "cached_bytes", s.cached_bytes, "system_bytes",
                         s.system_bytes, "limit_bytes", s.limit_bytes);
}

static PyObject *reset_peak(PyObject *m, PyObject *u) { (void)m, (void)u; rt_memory_reset_peak(); Py_RETURN_NONE; }
static PyObject *empty_cache(PyObject *m, PyObject *u) { (void)m, (void)u; rt_memory_empty_cache(); Py_RETURN_NONE; }

static PyObject *set_memory_limit(PyObject *m, PyObject *o)
{
    (void)m;
    size_t n = PyLong_AsSize_t(o);
    if (n == (size_t)-1 && PyErr_Occurred()) return NULL;
    rt_memory_set_limit(n);
    Py_RETURN_NONE;
}

static PyObject *set_caching(PyObject *m, PyObject *o)
{
    (void)m;
    int on = PyObject_IsTrue(o);
    if (on < 0) return NULL;
    rt_memory_set_caching(on);
    Py_RETURN_NONE;
}

static PyObject *fail_at(PyObject *m, PyObject *o)
{
    (void)m;
    unsigned long long n = PyLong_AsUnsignedLongLong(o);
    if (n == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    return PyLong_FromUnsignedLongLong(rt_memory_fail_at(n));
}

static PyObject *get_default_dtype(PyObject *m, PyObject *u) { (void)m, (void)u; return rt_dtype_object(rt_default_dtype()); }

static PyObject *set_default_dtype(PyObject *m, PyObject *o)
{
    rt_dtype d;
    (void)m;
    if (rt_dtype_convert(o, &d) < 0) return NULL;
    if (!rt_dtype_is_float(d))
        return PyErr_Format(PyExc_TypeError, "the default dtype must be a floating one, not %s", rt_dtypes[d].name);
    rt_default_dtype_set(d);
    Py_RETURN_NONE;
}

static PyObject *dtype_object(PyObject *m, PyObject *o)
{
    rt_dtype d;
    (void)m;
    return rt_dtype_convert(o, &d) < 0 ? NULL : rt_dtype_object(d);
}

static PyObject *promote_types(PyObject *m, PyObject *args)
{
    PyObject *a, *b;
    rt_dtype x, y;
    (void)m;
    if (!PyArg_ParseTuple(args, "OO:promote_types", &a, &b)) return NULL;
    if (rt_dtype_convert(a, &x) < 0 || rt_dtype_convert(b, &y) < 0) return NULL;
    return rt_dtype_object(rt_dtype_promote(x, y));
}

static const char *const families[] = {"elementwise", "reduce", "gufunc", "view", "update"};
static const char *const classes[] = {"ALL", "NUM", "COUNT", "REAL", "REALNUM", "INEXACT", "FLOAT", "COMPLEX", "INT",
                                      "INTNUM", "BOOL"};

static PyObject *op_table(PyObject *m, PyObject *u)
{
    (void)m, (void)u;
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < rt_ops_count(); i++) {
        const rt_op *op = rt_op_at(i);
        PyObject *row = Py_BuildValue(
            "{ss ss ss ss si si sO sO sO ss sN ss ss ss}", "name", op->cls.name, "numpy", op->numpy ? op->numpy : "", "family",
            families[op->family], "class", classes[op->klass], "nin", op->nin, "nout", op->nout, "logic",
            op->logic ? Py_True : Py_False, "select", op->select ? Py_True : Py_False, "differentiable",
            op->differentiable ? Py_True : Py_False, "signature", op->signature, "gradient",
            Py_BuildValue("(zzz)", op->gradient[0], op->gradient[1], op->gradient[2]), "domain",
            op->domain ? op->domain : "", "doc", op->doc, "expression",
            op->expression ? op->expression : "");
        if (!row || PyList_Append(list, row) < 0) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

/* {name: function} of all rows but updates, with in-place forms of elementwise ones. */
static PyObject *make_functions(void)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; dict && i < RT_NOP; i++) {
        const rt_op *op = &rt_ops[i];
        for (int inplace = 0; inplace <= (op->family == RT_ELEMENTWISE && !op->logic && !op->select); inplace++) {
            if (op->family == RT_UPDATE) continue;
            PyObject *f = rt_function_new(op, inplace);
            if (!f || PyDict_SetItem(dict, ((rt_function *)f)->name, f) < 0) Py_CLEAR(dict);
            Py_XDECREF(f);
            if (!dict) return NULL;
        }
    }
    return dict;
}

#define FAST(f) ((PyCFunction)(void (*)(void))f)
static PyMethodDef functions[] = {
    {"_add_method", add_method, METH_VARARGS, NULL},
    {"_guard", rt_guard, METH_O, NULL},
    {"_overload", rt_function_overload, METH_VARARGS, NULL},
    {"_register_op", rt_python_op_register, METH_VARARGS, NULL},
    {"_size_descriptor", rt_size_descriptor, METH_O, NULL},
    {"_add_node_method", add_node_method, METH_VARARGS, NULL},
    {"memory_stats", memory_stats, METH_NOARGS, "Statistics of the caching allocator, a dict of byte and call counts."},
    {"memory_reset_peak", reset_peak, METH_NOARGS, NULL},
    {"memory_empty_cache", empty_cache, METH_NOARGS, "Gives cached blocks back to the system."},
    {"memory_set_limit", set_memory_limit, METH_O, "At most this many bytes stay cached."},
    {"memory_set_caching", set_caching, METH_O, NULL},
    {"memory_fail_at", fail_at, METH_O, "For tests: the n-th allocation from now fails."},
    {"get_default_dtype", get_default_dtype, METH_NOARGS, "dtype of new floating tensors."},
    {"set_default_dtype", set_default_dtype, METH_O, "Sets the dtype of new floating tensors."},
    {"dtype", dtype_object, METH_O, "The dtype object for a name, type or dtype."},
    {"promote_types", promote_types, METH_VARARGS, "promote_types(a, b): the dtype that holds both."},
    {"op_table", op_table, METH_NOARGS, "The rows of the op table, a list of dicts."},
    {"from_dlpack", FAST(rt_dlpack_from), METH_FASTCALL | METH_KEYWORDS,
     "from_dlpack(x, /, *, device=None, copy=None)\n\nTensor on the memory of x, a capsule or an object with __dlpack__."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "rustorch._C", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__C(void)
{
    PyObject *m = PyModule_Create(&definition), *ops = NULL;
    if (!m) return NULL;
    rt_blas_init();
    rt_lapack_init();
    if (rt_error_init(m) < 0 || rt_ndarray_init() < 0 || rt_size_init(m) < 0 || rt_guard_init() < 0 || rt_ops_init() < 0) goto fail;
    if (PyType_Ready(&rt_function_type) < 0 || rt_node_type_init(m) < 0 || rt_tensor_type_init(m) < 0
        || rt_numpy_protocol_init() < 0 || rt_numpy_ufunc_init(m) < 0 || rt_dialect_init(m) < 0 || rt_drawing_init(m) < 0)
        goto fail;
    if (rt_autograd_init(m) < 0 || rt_creation_init(m) < 0 || rt_ufunc_register(m) < 0) goto fail;
    if (rt_random_init(m) < 0 || rt_optim_init(m) < 0 || rt_optim_replay_init(m) < 0
        || rt_module_call_init(m) < 0 || rt_data_init(m) < 0
        || rt_autocast_init(m) < 0 || rt_observer_init(m) < 0 || rt_recorder_init(m) < 0 || rt_settings_init(m) < 0
        || rt_script_init(m) < 0 || rt_tracer_init(m) < 0)
        goto fail;
    ops = make_functions();
    if (!ops || PyModule_AddObject(m, "ops", ops) < 0) goto fail;
    ops = NULL;
    if (rt_layout_init(m) < 0 || rt_c_api_init(m) < 0) goto fail;
    return m;
fail:
    Py_XDECREF(ops);
    Py_DECREF(m);
    return NULL;
}
