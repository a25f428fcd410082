/* import: tensors in by DLPack, from capsules (versioned and legacy), from objects with
 * __dlpack__ and from C callers.  The managed tensor's deleter is called exactly once: by the
 * last user of the storage, or here when the description is refused.
 * Floor: dlpack.  Reads no field of a struct whose major version it does not know. */
#include "dlpack/managed.h"
#include "core/error.h"
#include <string.h>

#define OP "from_dlpack"

static void release_versioned(void *owner)
{
    DLManagedTensorVersioned *m = owner;
    if (m->deleter) m->deleter(m);
}

static void release_legacy(void *owner)
{
    DLManagedTensor *m = owner;
    if (m->deleter) m->deleter(m);
}

rt_dtype rt_managed_dtype(const char *op, DLDataType d)
{
    for (int i = 0; i < RT_NDTYPE; i++)
        if (rt_dtypes[i].dlcode == d.code && 8 * rt_dtypes[i].itemsize == d.bits && d.lanes == 1) return (rt_dtype)i;
    PyErr_Format(PyExc_BufferError, "%s: no dtype of ours is DLPack's (code %d, bits %d, lanes %d)", op, d.code, d.bits,
                 d.lanes);
    return RT_NODTYPE;
}

/* Memory that the CPU reads like its own.  The device is an enum of another library: any value. */
static int check_device(DLDevice d)
{
    switch ((int)d.device_type) {
    case kDLCPU: case kDLCUDAHost: case kDLROCMHost: return 0;
    default:
        return rt_error(rt_DeviceError, OP, "the data is on DLPack device (%d, %d) and this build computes on the CPU "
                        "only; move it first (.cpu()) or pass device=\"cpu\"", (int)d.device_type, d.device_id);
    }
}

static int read_tensor(rt_foreign *f, const DLTensor *d)
{
    if (check_device(d->device) < 0) return -1;
    f->dtype = rt_managed_dtype(OP, d->dtype);
    if (f->dtype == RT_NODTYPE) return -1;
    if (d->ndim < 0 || d->ndim > RT_MAX_NDIM)
        return rt_error(f->error, OP, "the producer claims %d dimensions; a tensor has 0 to %d", (int)d->ndim, RT_MAX_NDIM);
    if (d->ndim > 0 && !d->shape)
        return rt_error(f->error, OP, "the producer gives no shape for %d dimensions", (int)d->ndim);
    f->ndim = d->ndim;
    f->c_order = !d->strides;
    int empty = 0;
    for (int i = 0; i < f->ndim; i++) empty |= d->shape[i] == 0;
    for (int i = 0; i < f->ndim; i++) {
        f->shape[i] = d->shape[i];
        f->steps[i] = 0;
        /* A stride that is never used may be anything. */
        if (d->strides && !empty && d->shape[i] > 1
            && __builtin_mul_overflow(d->strides[i], (intptr_t)rt_itemsize(f->dtype), &f->steps[i]))
            return rt_error(f->error, OP, "stride %lld of dimension %d does not fit in an address",
                            (long long)d->strides[i], i);
    }
    uintptr_t at;
    if (__builtin_add_overflow((uintptr_t)d->data, d->byte_offset, &at))
        return rt_error(f->error, OP, "byte offset %llu reaches outside all memory", (unsigned long long)d->byte_offset);
    f->data = d->data ? (char *)at : NULL;
    return 0;
}

/* Steals the managed tensor that f->owner is. */
static rt_tensor *import_tensor(rt_foreign *f, const DLTensor *d, uint64_t flags, int copy)
{
    if (flags & DLPACK_FLAG_BITMASK_IS_COPIED) {
        if (copy == RT_COPY_NEVER) {
            rt_error(PyExc_BufferError, OP, "the producer made a copy though copy=False forbids it");
            goto drop;
        }
        copy = RT_COPY_IF_NEEDED;
    }
    if (read_tensor(f, d) < 0) goto drop;
    return rt_foreign_adopt(f, copy);
drop:
    rt_foreign_drop(f);
    return NULL;
}

rt_tensor *rt_managed_import(DLManagedTensorVersioned *m, int copy)
{
    rt_foreign f = {.op = OP, .error = PyExc_BufferError, .release = release_versioned, .owner = m};
    if (m->version.major != DLPACK_MAJOR_VERSION) {
        rt_error(PyExc_BufferError, OP, "the data is in DLPack version %u.%u; this build reads version 1",
                 (unsigned)m->version.major, (unsigned)m->version.minor);
        rt_foreign_drop(&f);
        return NULL;
    }
    f.readonly = (m->flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0;
    return import_tensor(&f, &m->dl_tensor, m->flags, copy);
}

static rt_tensor *import_legacy(DLManagedTensor *m, int copy)
{
    rt_foreign f = {.op = OP, .error = PyExc_BufferError, .release = release_legacy, .owner = m};
    return import_tensor(&f, &m->dl_tensor, 0, copy);
}

/* Consumes the capsule: renamed first, so that whatever follows it is not freed twice. */
static rt_tensor *import_capsule(PyObject *capsule, int copy)
{
    const char *name = PyCapsule_GetName(capsule);
    if (!name && PyErr_Occurred()) return NULL;
    if (name && strcmp(name, "dltensor_versioned") == 0) {
        DLManagedTensorVersioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        if (!m || PyCapsule_SetName(capsule, "used_dltensor_versioned") < 0) return NULL;
        return rt_managed_import(m, copy);
    }
    if (name && strcmp(name, "dltensor") == 0) {
        DLManagedTensor *m = PyCapsule_GetPointer(capsule, "dltensor");
        if (!m || PyCapsule_SetName(capsule, "used_dltensor") < 0) return NULL;
        return import_legacy(m, copy);
    }
    if (name && strncmp(name, "used_dltensor", 13) == 0)
        rt_error(PyExc_ValueError, OP, "the capsule was consumed before; each can be imported once");
    else
        rt_error(PyExc_TypeError, OP, "a capsule named \"%.100s\" holds no DLPack tensor", name ? name : "(none)");
    return NULL;
}

/* 1 when a device was asked for (the CPU, the only one there is), 0 for None. */
static int parse_device(PyObject *device)
{
    if (!device || device == Py_None) return 0;
    PyObject *text = PyObject_Str(device);
    const char *word = text ? PyUnicode_AsUTF8(text) : NULL;
    int result = -1;
    if (!word) ;
    else if (strcmp(word, "cpu") == 0 || strcmp(word, "cpu:0") == 0)
        result = 1;
    else
        PyErr_Format(rt_DeviceError, OP ": device %R is not available: this build computes on the CPU only; use "
                     "device=\"cpu\"", device);
    Py_XDECREF(text);
    return result;
}

/* Interned once: exchanges are short enough for the making of strings to show. */
static struct {
    PyObject *dlpack, *requires_grad, *is_neg, *is_conj;
    PyObject *version;                 /* (1, 3) */
    PyObject *version_only;            /* ("max_version",) */
} names;

static int names_ready(void)
{
    if (names.version_only) return 0;
    names.dlpack = PyUnicode_InternFromString("__dlpack__");
    names.requires_grad = PyUnicode_InternFromString("requires_grad");
    names.is_neg = PyUnicode_InternFromString("is_neg");
    names.is_conj = PyUnicode_InternFromString("is_conj");
    names.version = Py_BuildValue("(ii)", DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION);
    if (PyErr_Occurred()) return -1;
    names.version_only = Py_BuildValue("(s)", "max_version");
    return names.version_only ? 0 : -1;
}

/* producer.__dlpack__ with the keywords that are worth saying. */
static PyObject *call_dlpack(PyObject *x, int to_cpu, int copy)
{
    PyObject *args[] = {x, names.version, NULL, NULL}, *device = NULL, *keys = NULL, *capsule = NULL;
    if (!to_cpu && copy == RT_COPY_IF_NEEDED)
        return PyObject_VectorcallMethod(names.dlpack, args, 1, names.version_only);
    int n = 2;
    if (to_cpu) {
        device = Py_BuildValue("(ii)", (int)kDLCPU, 0);
        if (!device) return NULL;
        args[n++] = device;
    }
    if (copy != RT_COPY_IF_NEEDED) args[n++] = copy == RT_COPY_ALWAYS ? Py_True : Py_False;
    keys = to_cpu && n == 4 ? Py_BuildValue("(sss)", "max_version", "dl_device", "copy")
                            : Py_BuildValue("(ss)", "max_version", to_cpu ? "dl_device" : "copy");
    if (keys) capsule = PyObject_VectorcallMethod(names.dlpack, args, 1, keys);
    Py_XDECREF(device);
    Py_XDECREF(keys);
    return capsule;
}

static rt_tensor *import_producer(PyObject *x, int to_cpu, int copy)
{
    PyObject *capsule = call_dlpack(x, to_cpu, copy);
    if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();                       /* a producer from before version 1 takes no keywords */
        capsule = PyObject_CallMethodNoArgs(x, names.dlpack);
    }
    if (!capsule) return NULL;
    rt_tensor *t = NULL;
    if (PyCapsule_CheckExact(capsule)) t = import_capsule(capsule, copy);
    else rt_error(PyExc_TypeError, OP, "__dlpack__ returned %.100s where a capsule is due", Py_TYPE(capsule)->tp_name);
    Py_DECREF(capsule);
    return t;
}

/* x.name, called when `call`; false where there is no such attribute. */
static int truth_of(PyObject *x, PyObject *name, int call)
{
    if (!_PyType_Lookup(Py_TYPE(x), name)) return 0;
    PyObject *value = call ? PyObject_CallMethodNoArgs(x, name) : PyObject_GetAttr(x, name);
    int truth = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return truth;
}

/* Through the producer's C table, an order of magnitude faster than a __dlpack__ written in
 * Python.  1 and *out; 0 when there is none, or when __dlpack__ has more to say about x: the table
 * knows neither gradients nor conjugation. */
static int import_by_table(PyObject *x, rt_tensor **out)
{
    const DLPackExchangeAPI *api = NULL;
    int found = rt_exchange_table(Py_TYPE(x), &api);
    if (found <= 0) return found;
    int more = truth_of(x, names.requires_grad, 0);
    if (more == 0) more = truth_of(x, names.is_conj, 1);
    if (more != 0) return more < 0 ? -1 : 0;
    DLManagedTensorVersioned *m = NULL;
    if (api->managed_tensor_from_py_object_no_sync(x, &m) < 0 || !m) {
        PyErr_Clear();                       /* __dlpack__ says it better */
        return 0;
    }
    *out = rt_managed_import(m, RT_COPY_IF_NEEDED);
    return *out ? 1 : -1;
}

rt_tensor *rt_dlpack_import(PyObject *x, PyObject *device, int copy)
{
    int to_cpu = parse_device(device);
    if (to_cpu < 0 || names_ready() < 0) return NULL;
    if (rt_tensor_check(x)) {                /* our own: no capsule, and one version counter */
        rt_tensor *own = (rt_tensor *)x;
        return copy == RT_COPY_ALWAYS ? rt_dense_copy(own) : rt_tensor_detach(own);
    }
    if (PyCapsule_CheckExact(x)) return import_capsule(x, copy);
    if (!_PyType_Lookup(Py_TYPE(x), names.dlpack) && !PyObject_HasAttr(x, names.dlpack)) {
        rt_error(PyExc_TypeError, OP, "expected an object with __dlpack__ or a DLPack capsule, not %.100s",
                 Py_TYPE(x)->tp_name);
        return NULL;
    }
    int negated = truth_of(x, names.is_neg, 1);    /* PyTorch exports such a view without its sign */
    if (negated > 0) rt_error(PyExc_BufferError, OP, "the tensor is a negated view, which DLPack cannot say; use "
                                                     ".resolve_neg() first");
    if (negated != 0) return NULL;
    if (!to_cpu && copy == RT_COPY_IF_NEEDED) {
        rt_tensor *t = NULL;
        int done = import_by_table(x, &t);
        if (done != 0) return t;
    }
    return import_producer(x, to_cpu, copy);
}

PyObject *rt_dlpack_from(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    (void)module;
    PyObject *device = NULL;
    int copy = RT_COPY_IF_NEEDED;
    if (n != 1) {
        rt_error(PyExc_TypeError, OP, "takes one positional argument (%zd given)", n);
        return NULL;
    }
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i), *value = args[n + i];
        if (PyUnicode_CompareWithASCIIString(name, "device") == 0) {
            device = value;
        } else if (PyUnicode_CompareWithASCIIString(name, "copy") == 0) {
            if (rt_copy_parse(OP, value, &copy) < 0) return NULL;
        } else {
            PyErr_Format(PyExc_TypeError, OP ": unexpected keyword argument %R", name);
            return NULL;
        }
    }
    return (PyObject *)rt_dlpack_import(args[0], device, copy);
}

static int has(PyObject *obj, const char *name)
{
    PyObject *value = PyObject_GetAttrString(obj, name);
    if (!value && !PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    Py_XDECREF(value);
    return value != NULL;
}

int rt_exchange_import(PyObject *obj, rt_tensor **out)
{
    int found;
    *out = NULL;
    if (PyType_Check(obj)) return 0;         /* a class has the methods of its instances */
    if ((found = has(obj, "__dlpack__")) > 0) *out = rt_dlpack_import(obj, NULL, RT_COPY_IF_NEEDED);
    else if (found == 0 && (found = has(obj, "__array_interface__")) > 0) *out = rt_interface_import(obj);
    else if (found == 0 && PyObject_CheckBuffer(obj) && !PyBytes_Check(obj) && !PyByteArray_Check(obj)) {
        found = 1;
        *out = rt_buffer_import(obj);
    }
    return found > 0 && !*out ? -1 : found;
}
