/* exchange: sharing memory with other libraries, both ways: DLPack capsules and its C
 * table, the array interface, the buffer protocol.  Exact ndarrays go another way
 * (src/python, NumPy's C API).  Floor: dlpack; needs core and backends, knows neither ops nor
 * NumPy.  Call with the GIL held.  Nothing here is recorded in the graph of gradients. */
#ifndef RT_DLPACK_EXCHANGE_H
#define RT_DLPACK_EXCHANGE_H
#include "core/tensor.h"

enum { RT_COPY_IF_NEEDED = -1, RT_COPY_NEVER = 0, RT_COPY_ALWAYS = 1 };
/* None, True or False; -1 with TypeError. */
RT_WARN_UNUSED int rt_copy_parse(const char *op, PyObject *value, int *copy);

/* ---- out ---- */
typedef struct {
    int major, minor;             /* the consumer's max_version; major 0: a legacy capsule */
    int device_type, device_id;   /* DLPack's numbers; type -1: where the tensor is */
    int copy;                     /* RT_COPY_... */
} rt_dlpack_request;

/* New capsule.  A tensor that requires grad goes out detached and read-only; what the capsule
 * cannot say is BufferError. */
RT_WARN_UNUSED PyObject *rt_dlpack_export(rt_tensor *t, const rt_dlpack_request *request);
/* New (device type, device id), as __dlpack_device__ returns it. */
RT_WARN_UNUSED PyObject *rt_dlpack_device(const rt_tensor *t);
/* METH_FASTCALL | METH_KEYWORDS: Tensor.__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None) */
PyObject *rt_dlpack_method(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* New capsule "dlpack_exchange_api" for the type's attribute __dlpack_c_exchange_api__. */
RT_WARN_UNUSED PyObject *rt_dlpack_exchange_capsule(void);
/* New tensor of another library's `type` (torch.Tensor) on t's memory, through that type's C table,
 * several times faster than its from_dlpack; TypeError when the type has no table.  As by
 * __dlpack__, of a tensor that requires grad the library gets the memory, detached. */
RT_WARN_UNUSED PyObject *rt_dlpack_hand_over(rt_tensor *t, PyObject *type);

/* New dict of version 3.  AttributeError for bfloat16, which it has no word for: NumPy then
 * goes on to __array__. */
RT_WARN_UNUSED PyObject *rt_interface_dict(rt_tensor *t);

/* bf_getbuffer and bf_releasebuffer.  BufferError unless PyBUF_ND is asked for: a consumer of
 * flat bytes would take the elements for something else. */
int rt_buffer_get(PyObject *self, Py_buffer *view, int flags);
void rt_buffer_release(PyObject *self, Py_buffer *view);

/* ---- in ----  New tensors on the other library's memory, which lives as long as they do.
 * Misaligned memory is copied. */
/* x: a capsule or an object with __dlpack__.  device: NULL, None, or what spells the CPU. */
RT_WARN_UNUSED rt_tensor *rt_dlpack_import(PyObject *x, PyObject *device, int copy);
/* METH_FASTCALL | METH_KEYWORDS: from_dlpack(x, /, *, device=None, copy=None) */
PyObject *rt_dlpack_from(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* From obj.__array_interface__; TypeError when it has none. */
RT_WARN_UNUSED rt_tensor *rt_interface_import(PyObject *obj);
/* From any exporter of the buffer protocol. */
RT_WARN_UNUSED rt_tensor *rt_buffer_import(PyObject *obj);
/* By the first of these three that obj speaks (bytes and the like are not asked for their
 * buffer: they are values, not arrays).  1 and *out, 0 when it speaks none, -1 on error. */
RT_WARN_UNUSED int rt_exchange_import(PyObject *obj, rt_tensor **out);
#endif
