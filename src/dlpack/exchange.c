/* exchange: the C table of DLPack 1.3, through which compiled consumers (tvm_ffi, PyTorch
 * extensions) trade tensors without a Python call; and the use of other libraries' tables.
 * Floor: dlpack.
 * No dltensor_from_py_object: it would lend strides in elements, and a tensor keeps bytes;
 * the standard lets a producer leave it out. */
#include "dlpack/managed.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include <stdio.h>

/* Hands the raised Python exception to the caller's own way of reporting. */
static void report(void *context, void (*set_error)(void *, const char *, const char *))
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *message = text ? PyUnicode_AsUTF8(text) : NULL;
    const char *kind = type ? ((PyTypeObject *)type)->tp_name : "RuntimeError";
    if (!message) PyErr_Clear();
    set_error(context, kind, message ? message : "dlpack allocator failed");
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

static rt_tensor *empty_like_prototype(const DLTensor *prototype)
{
    if (prototype->device.device_type != kDLCPU) {
        rt_error(rt_DeviceError, "dlpack allocator", "this build allocates on the CPU only");
        return NULL;
    }
    rt_dtype dtype = rt_managed_dtype("dlpack allocator", prototype->dtype);
    if (dtype == RT_NODTYPE) return NULL;
    if (prototype->ndim < 0 || prototype->ndim > RT_MAX_NDIM || (prototype->ndim > 0 && !prototype->shape)) {
        rt_error(PyExc_ValueError, "dlpack allocator", "%d dimensions, a tensor has 0 to %d with a shape",
                 (int)prototype->ndim, RT_MAX_NDIM);
        return NULL;
    }
    return rt_empty(dtype, prototype->ndim, (const intptr_t *)prototype->shape, (rt_device){RT_CPU, 0});
}

/* Callers need not hold the GIL. */
static int allocate(DLTensor *prototype, DLManagedTensorVersioned **out, void *context,
                    void (*set_error)(void *, const char *, const char *))
{
    PyGILState_STATE gil = PyGILState_Ensure();
    rt_tensor *t = empty_like_prototype(prototype);
    *out = t ? rt_managed_export(t, RT_COPY_NEVER) : NULL;
    if (!*out) report(context, set_error);
    Py_XDECREF((PyObject *)t);
    PyGILState_Release(gil);
    return *out ? 0 : -1;
}

static int from_object(void *object, DLManagedTensorVersioned **out)
{
    *out = NULL;
    if (!rt_tensor_check((PyObject *)object))
        return rt_error(PyExc_TypeError, "dlpack exchange", "expected a rustorch Tensor, not %.100s",
                        Py_TYPE((PyObject *)object)->tp_name);
    *out = rt_managed_export(object, RT_COPY_IF_NEEDED);
    return *out ? 0 : -1;
}

static int to_object(DLManagedTensorVersioned *m, void **out)
{
    *out = NULL;
    if (!m) return rt_error(PyExc_ValueError, "dlpack exchange", "no tensor was given");
    *out = rt_managed_import(m, RT_COPY_IF_NEEDED);
    return *out ? 0 : -1;
}

static int current_stream(DLDeviceType type, int32_t id, void **out)
{
    *out = NULL;
    if (type == kDLCPU) return 0;
    return rt_error(rt_DeviceError, "dlpack exchange", "device (%d, %d) has no stream of ours: this build computes on "
                    "the CPU only", (int)type, (int)id);
}

static const DLPackExchangeAPI table = {
    .header = {.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION}},
    .managed_tensor_allocator = allocate,
    .managed_tensor_from_py_object_no_sync = from_object,
    .managed_tensor_to_py_object_no_sync = to_object,
    .current_work_stream = current_stream,
};

PyObject *rt_dlpack_exchange_capsule(void)
{
    return PyCapsule_New((void *)&table, "dlpack_exchange_api", NULL);
}

int rt_exchange_table(PyTypeObject *type, const DLPackExchangeAPI **out)
{
    static PyObject *name;
    *out = NULL;
    if (!name && !(name = PyUnicode_InternFromString("__dlpack_c_exchange_api__"))) return -1;
    PyObject *capsule = type->tp_dict ? PyDict_GetItemWithError(type->tp_dict, name) : NULL;
    if (!capsule) return PyErr_Occurred() ? -1 : 0;
    if (!PyCapsule_IsValid(capsule, "dlpack_exchange_api")) return 0;
    const DLPackExchangeAPI *api = PyCapsule_GetPointer(capsule, "dlpack_exchange_api");
    if (api->header.version.major != DLPACK_MAJOR_VERSION) return 0;
    *out = api;
    return 1;
}

PyObject *rt_dlpack_hand_over(rt_tensor *t, PyObject *type)
{
    const DLPackExchangeAPI *api = NULL;
    void *out = NULL;
    int found = PyType_Check(type) ? rt_exchange_table((PyTypeObject *)type, &api) : 0;
    if (found == 0) PyErr_Format(PyExc_TypeError, "dlpack exchange: %R has no __dlpack_c_exchange_api__ of version 1", type);
    if (found <= 0) return NULL;
    DLManagedTensorVersioned *m = rt_managed_export(t, RT_COPY_IF_NEEDED);
    if (!m || api->managed_tensor_to_py_object_no_sync(m, &out) < 0) return NULL;
    return out;
}
