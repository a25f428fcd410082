/* export: tensors out by DLPack 1.3, in versioned and legacy capsules.  An exported
 * block keeps the storage alive, not the tensor, and carries its own lengths and strides, so
 * that nothing done to the tensor later reaches the consumer.
 *
 *   capsule --> exported { managed tensor | storage | lengths... strides... }
 * Floor: dlpack.  Never exports a negative stride: PyTorch's importer aborts on one. */
#include "dlpack/managed.h"
#include "backends/memory.h"
#include "core/error.h"

#define VERSIONED "dltensor_versioned"
#define LEGACY "dltensor"

typedef struct {
    union {                      /* first: the deleters cast */
        DLManagedTensorVersioned versioned;
        DLManagedTensor legacy;
    } managed;
    rt_storage *storage;         /* owned */
    int64_t dims[];              /* ndim lengths, then ndim strides in elements */
} exported;

static int interpreter_is_ending(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return !Py_IsInitialized() || Py_IsFinalizing();
#else
    return !Py_IsInitialized() || _Py_IsFinalizing();
#endif
}

/* From any thread, with or without the GIL.  While the interpreter ends there is no GIL to be
 * had, and the process gives the memory back. */
static void drop(exported *e)
{
    if (interpreter_is_ending()) return;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    rt_storage_release(e->storage);
    rt_memory_free(e);
    PyErr_Restore(type, value, trace);
    PyGILState_Release(gil);
}

static void delete_versioned(DLManagedTensorVersioned *m) { drop((exported *)m); }
static void delete_legacy(DLManagedTensor *m) { drop((exported *)m); }

/* A consumer renames the capsule; one that keeps its name was never consumed. */
static void destroy_capsule(PyObject *capsule)
{
    exported *e = NULL;
    if (PyCapsule_IsValid(capsule, VERSIONED)) e = PyCapsule_GetPointer(capsule, VERSIONED);
    else if (PyCapsule_IsValid(capsule, LEGACY)) e = PyCapsule_GetPointer(capsule, LEGACY);
    if (e) drop(e);
}

static DLDevice device_of(const rt_tensor *t)
{
    rt_device d = t->storage->device;
    return (DLDevice){d.type == RT_CUDA ? kDLCUDA : kDLCPU, d.type == RT_CUDA ? d.index : 0};
}

/* DLPack's strides are whole elements, and ours must not be negative. */
static int expressible(const rt_tensor *t)
{
    intptr_t itemsize = (intptr_t)rt_tensor_itemsize(t);
    for (int i = 0; t->size > 0 && i < t->ndim; i++)
        if (t->shape[i] > 1 && (t->steps[i] < 0 || t->steps[i] % itemsize != 0)) return 0;
    return 1;
}

/* What is handed out for t: t itself, or a copy where asked for or unavoidable.  New. */
static rt_tensor *window_of(rt_tensor *t, int copy, uint64_t *flags)
{
    int can = expressible(t);
    if (!can && copy == RT_COPY_NEVER) {
        PyErr_SetString(PyExc_BufferError, "__dlpack__: DLPack consumers take no negative or fractional strides, and "
                                           "copy=False forbids a copy; use .contiguous() first");
        return NULL;
    }
    *flags = 0;
    if (!can || copy == RT_COPY_ALWAYS) {
        *flags = DLPACK_FLAG_BITMASK_IS_COPIED;
        return rt_dense_copy(t);
    }
    if (rt_exports_readonly(t)) *flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    Py_INCREF(t);
    return t;
}

/* Lengths of 0 and 1 leave the stride free: it is C order's then, as consumers compare. */
static void describe(DLTensor *d, const rt_tensor *t, int64_t *dims)
{
    const rt_dtype_info *info = &rt_dtypes[t->dtype];
    int64_t *strides = dims + t->ndim, dense = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        dims[i] = t->shape[i];
        strides[i] = t->size == 0 || t->shape[i] == 1 ? dense : t->steps[i] / info->itemsize;
        dense *= t->shape[i] > 1 ? t->shape[i] : 1;
    }
    d->data = t->size == 0 ? NULL : t->data;
    d->device = device_of(t);
    d->ndim = t->ndim;
    d->dtype = (DLDataType){(uint8_t)info->dlcode, (uint8_t)(8 * info->itemsize), 1};
    d->shape = dims;
    d->strides = strides;
    d->byte_offset = 0;
}

static exported *export_new(const rt_tensor *t, uint64_t flags, int versioned)
{
    size_t ndim = t->ndim ? t->ndim : 1;       /* ndim 0 too has pointers that may be read */
    exported *e = rt_memory_try(sizeof *e + 2 * ndim * sizeof(int64_t));
    if (!e) return NULL;
    DLTensor *d;
    if (versioned) {
        DLManagedTensorVersioned *m = &e->managed.versioned;
        m->version = (DLPackVersion){DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
        m->manager_ctx = e;
        m->deleter = delete_versioned;
        m->flags = flags;
        d = &m->dl_tensor;
    } else {
        e->managed.legacy.manager_ctx = e;
        e->managed.legacy.deleter = delete_legacy;
        d = &e->managed.legacy.dl_tensor;
    }
    describe(d, t, e->dims);
    e->storage = rt_storage_retain(t->storage);
    e->storage->pinned = 1;
    return e;
}

static exported *export_tensor(rt_tensor *t, int copy, int versioned)
{
    uint64_t flags;
    exported *e = NULL;
    rt_tensor *window = window_of(t, copy, &flags);
    if (!window) return NULL;
    if (!versioned && (flags & DLPACK_FLAG_BITMASK_READ_ONLY))
        PyErr_SetString(PyExc_BufferError, rt_tensor_requires_grad(t)
            ? "__dlpack__: a legacy capsule of a tensor that requires grad would let writes past the graph; use "
              ".detach(), or ask with max_version=(1, 0) or later for a read-only view"
            : "__dlpack__: a legacy capsule cannot say that the tensor is read-only; ask with max_version=(1, 0) or "
              "later, or with copy=True");
    else
        e = export_new(window, flags, versioned);
    Py_DECREF(window);
    return e;
}

DLManagedTensorVersioned *rt_managed_export(rt_tensor *t, int copy)
{
    exported *e = export_tensor(t, copy, 1);
    return e ? &e->managed.versioned : NULL;
}

PyObject *rt_dlpack_export(rt_tensor *t, const rt_dlpack_request *request)
{
    DLDevice at = device_of(t);
    if (request->device_type >= 0
        && (request->device_type != (int)at.device_type || request->device_id != at.device_id)) {
        PyErr_Format(PyExc_BufferError, "__dlpack__: the tensor is on device (%d, %d) and cannot be exported to device "
                     "(%d, %d); move it there first", (int)at.device_type, at.device_id, request->device_type,
                     request->device_id);
        return NULL;
    }
    int versioned = request->major >= 1;
    exported *e = export_tensor(t, request->copy, versioned);
    if (!e) return NULL;
    if (request->major == 1 && request->minor < DLPACK_MINOR_VERSION)
        e->managed.versioned.version.minor = (uint32_t)request->minor;     /* minor versions only add words */
    PyObject *capsule = PyCapsule_New(e, versioned ? VERSIONED : LEGACY, destroy_capsule);
    if (!capsule) drop(e);
    return capsule;
}

PyObject *rt_dlpack_device(const rt_tensor *t)
{
    DLDevice at = device_of(t);
    return Py_BuildValue("(ii)", (int)at.device_type, (int)at.device_id);
}

/* None, or two integers. */
static int parse_pair(const char *name, PyObject *value, int *first, int *second)
{
    if (value == Py_None) return 0;
    if (PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 2) {
        long a = PyLong_AsLong(PyTuple_GET_ITEM(value, 0));
        long b = PyErr_Occurred() ? -1 : PyLong_AsLong(PyTuple_GET_ITEM(value, 1));
        PyErr_Clear();
        if (a >= 0 && a <= INT_MAX && b >= 0 && b <= INT_MAX) {
            *first = (int)a;
            *second = (int)b;
            return 0;
        }
    }
    PyErr_Format(PyExc_TypeError, "__dlpack__: %s must be None or a tuple of two integers, not %R", name, value);
    return -1;
}

/* On the CPU there is nothing to wait for: None, or -1 for "do not wait". */
static int parse_stream(const rt_tensor *t, PyObject *value)
{
    if (value == Py_None || t->storage->device.type != RT_CPU) return 0;
    if (!PyLong_Check(value))
        return rt_error(PyExc_TypeError, "__dlpack__", "stream must be None or an integer, not %.100s",
                        Py_TYPE(value)->tp_name);
    long stream = PyLong_AsLong(value);
    if (stream == -1 && !PyErr_Occurred()) return 0;
    PyErr_Clear();
    return rt_error(PyExc_BufferError, "__dlpack__", "the tensor is on the CPU, which has no streams: stream must be None");
}

/* Is a keyword this word?  (literal) */
#define IS_WORD(name, word) (PyUnicode_IS_COMPACT_ASCII(name) && PyUnicode_GET_LENGTH(name) == sizeof word - 1 \
                             && memcmp(PyUnicode_1BYTE_DATA(name), word, sizeof word - 1) == 0)

PyObject *rt_dlpack_method(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    rt_tensor *t = (rt_tensor *)self;
    rt_dlpack_request request = {.device_type = -1, .copy = RT_COPY_IF_NEEDED};
    if (n > 0) {
        rt_error(PyExc_TypeError, "__dlpack__", "takes keyword arguments only (%zd positional given)", n);
        return NULL;
    }
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i), *value = args[i];
        int bad;
        if (IS_WORD(name, "max_version"))
            bad = parse_pair("max_version", value, &request.major, &request.minor);
        else if (IS_WORD(name, "stream"))
            bad = parse_stream(t, value);
        else if (IS_WORD(name, "dl_device"))
            bad = parse_pair("dl_device", value, &request.device_type, &request.device_id);
        else if (IS_WORD(name, "copy"))
            bad = rt_copy_parse("__dlpack__", value, &request.copy);
        else {
            PyErr_Format(PyExc_TypeError, "__dlpack__: unexpected keyword argument %R", name);
            return NULL;
        }
        if (bad < 0) return NULL;
    }
    return rt_dlpack_export(t, &request);
}
