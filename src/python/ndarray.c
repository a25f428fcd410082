/* ndarray: tensors and NumPy arrays on the same memory.  The array that looks at a
 * tensor holds a capsule with a count on the storage; the storage that looks at an
 * array holds the array.  Floor: python. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL rt_array_api
#include "python/ndarray.h"
#include "core/error.h"
#include "core/shape.h"
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

_Static_assert(sizeof(npy_intp) == sizeof(intptr_t), "npy_intp must be intptr_t");

static PyArray_Descr *descrs[RT_NDTYPE];

int rt_ndarray_init(void)
{
    import_array1(-1);
    for (int d = 0; d < RT_NDTYPE; d++) {
        if (rt_dtypes[d].npy < 0) continue;
        descrs[d] = PyArray_DescrFromType(rt_dtypes[d].npy);
        if (!descrs[d]) return -1;
        if (PyDataType_ELSIZE(descrs[d]) != rt_dtypes[d].itemsize) {
            PyErr_Format(PyExc_ImportError, "dtypes.def: NumPy's dtype for %s has another size", rt_dtypes[d].name);
            return -1;
        }
    }
    return 0;
}

int rt_ndarray_check(PyObject *o) { return PyArray_Check(o); }
int rt_ndarray_is_subclass(PyObject *o) { return PyArray_Check(o) && !PyArray_CheckExact(o); }
int rt_ndarray_is_scalar(PyObject *o) { return PyArray_IsScalar(o, Generic); }

rt_dtype rt_ndarray_dtype(int npy)
{
    if (npy == NPY_LONGLONG) npy = NPY_LONG;
    if (npy == NPY_ULONGLONG) npy = NPY_ULONG;
    if (npy == NPY_INTP) npy = NPY_LONG;
    for (int d = 0; d < RT_NDTYPE; d++)
        if (descrs[d] && rt_dtypes[d].npy == npy) return (rt_dtype)d;
    return RT_NODTYPE;
}

/* ml_dtypes' bfloat16, once somebody has imported it; borrowed or NULL without an exception. */
static PyArray_Descr *bfloat16(int import_it)
{
    if (descrs[RT_bf16]) return descrs[RT_bf16];
    PyObject *modules = PyImport_GetModuleDict(), *m = PyDict_GetItemString(modules, "ml_dtypes");
    Py_XINCREF(m);
    if (!m && import_it) m = PyImport_ImportModule("ml_dtypes");
    PyObject *type = m ? PyObject_GetAttrString(m, "bfloat16") : NULL;
    PyArray_Descr *d = NULL;
    if (type && PyArray_DescrConverter(type, &d)) descrs[RT_bf16] = d;
    PyErr_Clear();
    Py_XDECREF(m);
    Py_XDECREF(type);
    return descrs[RT_bf16];
}

PyObject *rt_ndarray_descr(rt_dtype d)
{
    PyArray_Descr *descr = d == RT_bf16 ? bfloat16(1) : descrs[d];
    return Py_XNewRef((PyObject *)descr);
}

static rt_dtype dtype_of(PyArray_Descr *descr)
{
    rt_dtype d = rt_ndarray_dtype(descr->type_num);
    if (d == RT_NODTYPE && descr->type_num >= NPY_USERDEF && bfloat16(0) && descr->type_num == descrs[RT_bf16]->type_num)
        d = RT_bf16;
    return d;
}

int rt_ndarray_is_descr(PyObject *o) { return PyArray_DescrCheck(o); }

int rt_ndarray_descr_convert(PyObject *o, rt_dtype *out)
{
    PyArray_Descr *descr = NULL;
    int typelike = PyArray_DescrCheck(o) || PyType_Check(o) || PyUnicode_Check(o);
    if (!typelike) return 0;
    if (!PyArray_DescrConverter(o, &descr)) {
        PyErr_Clear();
        return 0;
    }
    *out = PyDataType_ISNOTSWAPPED(descr) ? dtype_of(descr) : RT_NODTYPE;
    if (*out == RT_NODTYPE) PyErr_Format(PyExc_TypeError, "rustorch has no dtype %S", descr);
    Py_DECREF(descr);
    return *out == RT_NODTYPE ? -1 : 1;
}

static void drop_array(void *owner)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_DECREF((PyObject *)owner);
    PyGILState_Release(gil);
}

rt_tensor *rt_ndarray_import(PyObject *o)
{
    PyArrayObject *a = (PyArrayObject *)Py_NewRef(o);
    rt_dtype d = dtype_of(PyArray_DESCR(a));
    rt_storage *s = NULL;
    rt_tensor *t = NULL;
    rt_device cpu = {RT_CPU, 0};
    if (d == RT_NODTYPE || PyArray_ISBYTESWAPPED(a)) {
        PyErr_Format(rt_DtypeError, "cannot make a tensor of an array of dtype %S%s", PyArray_DESCR(a),
                     d == RT_NODTYPE ? "" : ": its bytes are in foreign order; use a.astype(a.dtype.newbyteorder('='))");
        goto done;
    }
    if (PyArray_NDIM(a) > RT_MAX_NDIM) {
        PyErr_Format(rt_TensorError, "a tensor has at most %d dimensions, the array has %d", RT_MAX_NDIM, PyArray_NDIM(a));
        goto done;
    }
    if (!PyArray_ISALIGNED(a)) {
        PyArrayObject *copy = (PyArrayObject *)PyArray_NewCopy(a, NPY_CORDER);
        Py_SETREF(a, copy);
        if (!a) return NULL;
    }
    char *low = PyArray_BYTES(a), *high = low;
    if (PyArray_SIZE(a) > 0) {
        for (int i = 0; i < PyArray_NDIM(a); i++) {
            npy_intp reach = (PyArray_DIM(a, i) - 1) * PyArray_STRIDE(a, i);
            *(reach > 0 ? &high : &low) += reach;
        }
        high += PyArray_ITEMSIZE(a);
    }
    s = rt_storage_wrap(low, (size_t)(high - low), cpu, drop_array, a);
    if (!s) goto done;
    s->readonly = !PyArray_ISWRITEABLE(a);
    char *data = PyArray_BYTES(a);
    int ndim = PyArray_NDIM(a);
    npy_intp *shape = PyArray_DIMS(a), *steps = PyArray_STRIDES(a);
    a = NULL;                     /* the storage owns it now */
    t = rt_tensor_wrap(s, data, d, ndim, shape, steps);
done:
    Py_XDECREF((PyObject *)a);
    return t;
}

static void release_capsule(PyObject *capsule)
{
    rt_storage_release(PyCapsule_GetPointer(capsule, "rustorch.storage"));
}

PyObject *rt_ndarray_export(rt_tensor *t)
{
    PyArray_Descr *descr = (PyArray_Descr *)rt_ndarray_descr((rt_dtype)t->dtype);
    if (!descr) {
        PyErr_SetString(PyExc_TypeError, "NumPy has no bfloat16 of its own: install ml_dtypes, or convert with .float()");
        return NULL;
    }
    if (t->storage->device.type != RT_CPU) {
        Py_DECREF(descr);
        PyErr_SetString(rt_DeviceError, "the tensor is not in main memory; move it with .cpu()");
        return NULL;
    }
    PyObject *capsule = PyCapsule_New(t->storage, "rustorch.storage", release_capsule);
    if (!capsule) {
        Py_DECREF(descr);
        return NULL;
    }
    rt_storage_retain(t->storage);
    int writable = !(t->flags & RT_READONLY) && !rt_tensor_requires_grad(t);
    PyObject *a = PyArray_NewFromDescr(&PyArray_Type, descr, t->ndim, t->shape, t->steps, t->data,
                                       writable ? NPY_ARRAY_WRITEABLE : 0, NULL);
    if (!a || PyArray_SetBaseObject((PyArrayObject *)a, capsule) < 0) {
        if (!a) Py_DECREF(capsule);
        Py_XDECREF(a);
        return NULL;
    }
    return a;
}
