/* dialect: arrays (rustorch.numpy.ndarray) and Tensors, each seen as the other; the callable around
 * functions of rustorch.numpy, which give arrays.  Floor: python. */
#include "python/dialect.h"
#include "core/error.h"
#include "python/array_attributes.h"
#include "python/array_items.h"
#include "python/array_methods.h"
#include "python/array_number.h"
#include "python/convert.h"
#include "python/numpy_quick.h"
#include "ufunc/apply.h"
#include "ufunc/views.h"
#include <stddef.h>
#include <structmember.h>

/* ---- one seen as the other ---- */

/* A window on the whole of t, in its graph, of the given type. */
static PyObject *seen_as(rt_tensor *t, PyTypeObject *type)
{
    intptr_t same[RT_MAX_NDIM];
    rt_params p;
    for (int i = 0; i < t->ndim; i++) same[i] = i;
    rt_params_begin(&p);
    rt_params_push(&p, 0, t->ndim, same);
    rt_tensor *window = rt_apply1p(RT_OP_permute, t, &p);
    if (window) Py_SET_TYPE((PyObject *)window, type);
    return (PyObject *)window;
}

PyObject *rt_dialect_tensor(PyObject *o)
{
    return rt_array_check(o) ? seen_as((rt_tensor *)o, &rt_tensor_type) : Py_NewRef(o);
}

PyObject *rt_array_settle(PyObject *window)
{
    if (!rt_array_is_scalar(window)) return window;
    const rt_tensor *t = (rt_tensor *)window;
    PyObject *copy = rt_tensor_requires_grad(t) || (t->base && rt_tensor_requires_grad(t->base))
                         ? (PyObject *)rt_apply1(RT_OP_clone, (rt_tensor *)window)
                         : rt_array_scalar((rt_dtype)t->dtype, t->data);
    Py_DECREF(window);
    return copy;
}

/* The items of a sequence as arrays, in a new list. */
static PyObject *items_as_arrays(PyObject *items)
{
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(items);
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *item = rt_dialect_arrays(Py_NewRef(PySequence_Fast_GET_ITEM(items, i)));
        if (item) PyList_SET_ITEM(list, i, item);
        else Py_CLEAR(list);
    }
    return list;
}

static PyObject *sequence_as_arrays(PyObject *result)
{
    PyObject *list = items_as_arrays(result), *made = NULL;
    if (!list || PyList_CheckExact(result)) made = Py_XNewRef(list);
    else if (PyTuple_CheckExact(result)) made = PyList_AsTuple(list);
    else made = PyObject_CallMethod((PyObject *)Py_TYPE(result), "_make", "O", list);
    Py_XDECREF(list);
    Py_DECREF(result);
    return made;
}

PyObject *rt_dialect_arrays(PyObject *result)
{
    if (!result || rt_array_check(result)) return result;
    if (rt_tensor_check(result)) {
        if (Py_IS_TYPE(result, &rt_tensor_type) && Py_REFCNT(result) == 1) {
            Py_SET_TYPE(result, &rt_array_type);
            return result;
        }
        PyObject *array = seen_as((rt_tensor *)result, &rt_array_type);
        Py_DECREF(result);
        return array;
    }
    if (PyTuple_CheckExact(result) || PyList_CheckExact(result)
        || (PyTuple_Check(result) && PyObject_HasAttrString((PyObject *)Py_TYPE(result), "_make")))
        return sequence_as_arrays(result);
    return result;
}

int rt_dialect_has_arrays(PyObject *const *args, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (rt_array_check(args[i])) return 1;
        if (!PyList_CheckExact(args[i]) && !PyTuple_CheckExact(args[i])) continue;
        for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(args[i]); k++)
            if (rt_array_check(PySequence_Fast_GET_ITEM(args[i], k))) return 1;
    }
    return 0;
}

static PyObject *argument_as_tensors(PyObject *o)
{
    if (!rt_dialect_has_arrays(&o, 1)) return Py_NewRef(o);
    if (rt_array_check(o)) return rt_dialect_tensor(o);
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++) {
        PyObject *item = rt_dialect_tensor(PySequence_Fast_GET_ITEM(o, i));
        if (item) PyTuple_SET_ITEM(tuple, i, item);
        else Py_CLEAR(tuple);
    }
    if (tuple && PyList_CheckExact(o)) Py_SETREF(tuple, PySequence_List(tuple));
    return tuple;
}

PyObject *rt_dialect_call(PyObject *function, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject *seen = PyTuple_New(all), *result = NULL;
    for (Py_ssize_t i = 0; seen && i < all; i++) {
        PyObject *o = argument_as_tensors(args[i]);
        if (o) PyTuple_SET_ITEM(seen, i, o);
        else Py_CLEAR(seen);
    }
    if (!seen) return NULL;
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    result = PyObject_Vectorcall(function, ((PyTupleObject *)seen)->ob_item, (size_t)n, kwnames);
    rt_dtype_rules_restore(before);
    for (Py_ssize_t i = 0; result && i < all; i++)
        if (result == PyTuple_GET_ITEM(seen, i)) Py_SETREF(result, Py_NewRef(args[i]));   /* it gave back an argument */
    Py_DECREF(seen);
    return rt_dialect_arrays(result);
}

static int is_numpys_word(PyObject *word)
{
    static const char *const words[] = {"axis", "order", "where", "initial", "keepdims", "kind", "ddof", "axis1", "mode"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (PyUnicode_CompareWithASCIIString(word, words[i]) == 0) return 1;
    return 0;
}

PyObject *rt_dialect_again(PyObject *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const Py_ssize_t words = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    int numpys = n > 0 && Py_IS_TYPE(args[0], &rt_tensor_type) && PyErr_ExceptionMatches(PyExc_TypeError), mine = 0;
    for (Py_ssize_t i = 0; numpys && i < words; i++) mine |= is_numpys_word(PyTuple_GET_ITEM(kwnames, i));
    if (!mine) return NULL;
    PyObject *type, *error, *trace, *result = NULL;
    PyErr_Fetch(&type, &error, &trace);
    PyObject *module = PyImport_ImportModule("rustorch.numpy._methods");
    PyObject *again = module ? PyObject_GetAttrString(module, "again") : NULL, *all = again ? PyTuple_New(2 + n + words) : NULL;
    if (all) {
        PyTuple_SET_ITEM(all, 0, Py_NewRef(name));
        PyTuple_SET_ITEM(all, 1, Py_NewRef(kwnames));
        for (Py_ssize_t i = 0; i < n + words; i++) PyTuple_SET_ITEM(all, 2 + i, Py_NewRef(args[i]));
        result = PyObject_CallObject(again, all);
    }
    Py_XDECREF(module);
    Py_XDECREF(again);
    Py_XDECREF(all);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return result;
}

/* ---- the type ---- */

/* What rustorch.numpy keeps in Python for the type's slots. */
static PyObject *from_python(const char *name)
{
    PyObject *module = PyImport_ImportModule("rustorch.numpy._printing");
    PyObject *value = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return value;
}

static PyObject *call_python(const char *name, PyObject *self)
{
    PyObject *function = from_python(name), *text = function ? PyObject_CallOneArg(function, self) : NULL;
    Py_XDECREF(function);
    return text;
}

static PyObject *array_repr(PyObject *self) { return call_python("array_repr", self); }
static PyObject *array_str(PyObject *self) { return call_python("array_str", self); }

static PyObject *array_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)type;
    PyObject *function = from_python("new"), *array = function ? PyObject_Call(function, args, kwargs) : NULL;
    Py_XDECREF(function);
    return array;
}

/* As NumPy's: arrays have none, scalars that of their value. */
static Py_hash_t array_hash(PyObject *self)
{
    rt_tensor *t = (rt_tensor *)self;
    if (t->ndim) {
        PyErr_SetString(PyExc_TypeError, "unhashable type: 'rustorch.numpy.ndarray' with dimensions");
        return -1;
    }
    PyObject *item = rt_convert_item((rt_dtype)t->dtype, t->data);
    const Py_hash_t hash = item ? PyObject_Hash(item) : -1;
    Py_XDECREF(item);
    return hash;
}

/* ---- functions that give arrays ---- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    /* owned */
    PyObject *function, *otherwise, *unless;    /* unless function raises this: then it is otherwise's turn */
    PyObject *like;            /* what it is named and documented like */
    const rt_numpy_quick *quick;     /* borrowed: answers plain calls; or NULL */
} array_function;

static PyObject *array_function_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    array_function *f = (array_function *)self;
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    PyObject *result = f->quick ? f->quick->call(f->quick, args, PyVectorcall_NARGS(nargsf), kwnames) : NULL;
    if (!result && !PyErr_Occurred()) result = PyObject_Vectorcall(f->function, args, nargsf, kwnames);
    if (!result && f->unless != Py_None && PyErr_ExceptionMatches(f->unless)) {
        PyErr_Clear();
        result = PyObject_Vectorcall(f->otherwise, args, nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
    }
    result = rt_dialect_arrays(result);
    rt_dtype_rules_restore(before);
    return result;
}

static void array_function_dealloc(PyObject *self)
{
    array_function *f = (array_function *)self;
    Py_XDECREF(f->function);
    Py_XDECREF(f->otherwise);
    Py_XDECREF(f->unless);
    Py_XDECREF(f->like);
    PyObject_Free(self);
}

static PyObject *array_function_get(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return obj && obj != Py_None ? PyMethod_New(self, obj) : Py_NewRef(self);
}

/* The attributes of what it is like, its class among them; pickled by its public name. */
static PyObject *array_function_attribute(PyObject *self, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "__reduce_ex__") == 0
        || PyUnicode_CompareWithASCIIString(name, "__reduce__") == 0
        || PyUnicode_CompareWithASCIIString(name, "__wrapped__") == 0)
        return PyObject_GenericGetAttr(self, name);
    return PyObject_GetAttr(((array_function *)self)->like, name);
}

static PyObject *array_function_repr(PyObject *self)
{
    PyObject *name = PyObject_GetAttrString(((array_function *)self)->like, "__name__");
    PyObject *text = name ? PyUnicode_FromFormat("<function rustorch.numpy.%U>", name) : NULL;
    Py_XDECREF(name);
    return text;
}

static PyObject *array_function_reduce(PyObject *self, PyObject *unused)
{
    PyObject *registry = PyImport_ImportModule("rustorch.numpy._registry");
    PyObject *find = registry ? PyObject_GetAttrString(registry, "named") : NULL;
    (void)unused;
    Py_XDECREF(registry);
    return find ? Py_BuildValue("(N(O))", find, ((array_function *)self)->like) : NULL;
}

static PyMemberDef array_function_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(array_function, like), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyMethodDef array_function_methods[] = {
    {"__reduce__", array_function_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject array_function_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.numpy.function",
    .tp_basicsize = sizeof(array_function),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(array_function, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = array_function_dealloc,
    .tp_repr = array_function_repr,
    .tp_getattro = array_function_attribute,
    .tp_descr_get = array_function_get,
    .tp_members = array_function_members,
    .tp_methods = array_function_methods,
};

static PyObject *new_function(PyObject *function, PyObject *otherwise, PyObject *unless, PyObject *like, const char *quick)
{
    array_function *f = PyObject_New(array_function, &array_function_type);
    if (!f) return NULL;
    f->vectorcall = array_function_call;
    f->function = Py_NewRef(function);
    f->otherwise = Py_NewRef(otherwise);
    f->unless = Py_NewRef(unless);
    f->like = Py_NewRef(like);
    f->quick = quick ? rt_quick_find(quick) : NULL;
    return (PyObject *)f;
}

static PyObject *make_function(PyObject *module, PyObject *args)
{
    PyObject *function, *otherwise, *unless, *like;
    const char *quick = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO|s:_array_function", &function, &otherwise, &unless, &like, &quick)) return NULL;
    return new_function(function, otherwise, unless, like, quick);
}

/* Is there a Tensor in nested lists and tuples? */
static int holds_tensors(PyObject *o, int depth)
{
    if (rt_tensor_check(o)) return 1;
    if ((!PyList_CheckExact(o) && !PyTuple_CheckExact(o)) || depth == RT_MAX_NDIM) return 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++)
        if (holds_tensors(PySequence_Fast_GET_ITEM(o, i), depth + 1)) return 1;
    return 0;
}

static PyObject *do_they_hold_tensors(PyObject *module, PyObject *o)
{
    (void)module;
    return PyBool_FromLong(holds_tensors(o, 0));
}

static PyObject *as_arrays(PyObject *module, PyObject *result)
{
    (void)module;
    return rt_dialect_arrays(Py_NewRef(result));
}

static PyObject *as_tensor(PyObject *module, PyObject *o)
{
    (void)module;
    return rt_dialect_tensor(o);
}

/* _add_array_method(name, value): what C hands on, a method whose results are arrays, or anything else as it is. */
static PyObject *add_array_method(PyObject *module, PyObject *args)
{
    PyObject *name, *value;
    (void)module;
    if (!PyArg_ParseTuple(args, "UO:_add_array_method", &name, &value)) return NULL;
    const char *text = PyUnicode_AsUTF8(name);
    if (!text) return NULL;
    if (rt_array_enter(text, value)) Py_RETURN_NONE;
    PyObject *method = PyFunction_Check(value) ? new_function(value, Py_None, Py_None, value, NULL) : Py_NewRef(value);
    const int status = method ? PyDict_SetItem(rt_array_type.tp_dict, name, method) : -1;
    Py_XDECREF(method);
    if (status < 0) return NULL;
    PyType_Modified(&rt_array_type);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_array_function", make_function, METH_VARARGS,
     "_array_function(function, otherwise, unless, like, quick=None): the function, its results as arrays; should it raise"
     " `unless`, `otherwise`.  Plain calls go past it, by the entry named quick (numpy_quick.c)."},
    {"_as_arrays", as_arrays, METH_O, "Tensors, also those in tuples and lists, as arrays on the same memory."},
    {"_as_tensor", as_tensor, METH_O, "An array as a Tensor on the same memory, in the same graph."},
    {"_holds_tensors", do_they_hold_tensors, METH_O, "Is there a Tensor in nested lists and tuples?"},
    {"_add_array_method", add_array_method, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_methods(PyTypeObject *type, PyMethodDef *methods)
{
    int status = 0;
    for (PyMethodDef *d = methods; d->ml_name && status == 0; d++) {
        PyObject *method = PyDescr_NewMethod(type, d);
        status = method ? PyDict_SetItemString(type->tp_dict, d->ml_name, method) : -1;
        Py_XDECREF(method);
    }
    PyType_Modified(type);
    return status;
}

int rt_dialect_init(PyObject *module)
{
    PyTypeObject *type = &rt_array_type;
    type->tp_doc = "A Tensor that speaks NumPy: its methods, printing and dtype rules are those of numpy.ndarray.";
    type->tp_new = array_new;
    type->tp_repr = array_repr;
    type->tp_str = array_str;
    type->tp_hash = array_hash;
    type->tp_richcompare = rt_array_compare;
    type->tp_as_number = &rt_array_number_methods;
    type->tp_as_mapping = &rt_array_mapping;
    type->tp_iter = rt_array_iterate;
    type->tp_methods = rt_array_methods;
    type->tp_getset = rt_array_getset;
    type->tp_weaklistoffset = rt_tensor_type.tp_weaklistoffset;
    type->tp_dictoffset = rt_tensor_type.tp_dictoffset;
    if (PyType_Ready(type) < 0 || PyType_Ready(&array_function_type) < 0 || rt_array_items_init() < 0) return -1;
    if (add_methods(type, rt_array_folds) < 0 || add_methods(&rt_tensor_type, rt_array_facts) < 0) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    return PyModule_AddObjectRef(module, "ndarray", (PyObject *)type);
}
