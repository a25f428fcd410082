/* buffer: the buffer protocol both ways: a Tensor as exporter, and any exporter as a Tensor.
 * A view keeps the storage alive and carries its own lengths and strides, so that a tensor
 * that changes shape in place leaves it alone.  Floor: dlpack.
 * Never gives flat bytes: torch.asarray would take them for elements of its default dtype. */
#include "dlpack/adopt.h"
#include "core/error.h"

typedef struct {
    rt_storage *storage;    /* owned */
    Py_ssize_t dims[];      /* ndim lengths, then ndim strides in bytes */
} lent;

/* As NumPy spells them, so that its dtype numbers come back unchanged ('l', not 'q'). */
static const char *format_of(rt_dtype d)
{
    static const char *const words[RT_NDTYPE] = {
        [RT_b1] = "?", [RT_u8] = "B", [RT_i8] = "b", [RT_u16] = "H", [RT_i16] = "h", [RT_u32] = "I", [RT_i32] = "i",
        [RT_u64] = sizeof(long) == 8 ? "L" : "Q", [RT_i64] = sizeof(long) == 8 ? "l" : "q",
        [RT_f16] = "e", [RT_f32] = "f", [RT_f64] = "d", [RT_c64] = "Zf", [RT_c128] = "Zd"};
    return words[d];
}

static int is_fortran(const rt_tensor *t)
{
    intptr_t step = (intptr_t)rt_tensor_itemsize(t);
    for (int i = 0; t->size > 0 && i < t->ndim; i++) {
        if (t->shape[i] != 1 && t->steps[i] != step) return 0;
        step *= t->shape[i];
    }
    return 1;
}

static int asks(int flags, int what) { return (flags & what) == what; }

/* Why the consumer cannot have its view, or NULL. */
static const char *refusal(const rt_tensor *t, int flags)
{
    int c = rt_tensor_is_contiguous(t);
    if (!asks(flags, PyBUF_ND)) return "a tensor has a shape, and flat bytes were asked for; use .numpy() or memoryview()";
    if (t->storage->device.type != RT_CPU) return "the tensor is not in the CPU's memory; use .cpu() first";
    if ((flags & PyBUF_WRITABLE) && rt_tensor_requires_grad(t))
        return "a tensor that requires grad is lent read-only; use .detach() to write";
    if ((flags & PyBUF_WRITABLE) && rt_exports_readonly(t)) return "the tensor is read-only";
    if ((flags & PyBUF_FORMAT) && !format_of((rt_dtype)t->dtype))
        return "the buffer protocol has no word for bfloat16; use .float(), or DLPack";
    if (asks(flags, PyBUF_C_CONTIGUOUS) && !c) return "the tensor is not contiguous; use .contiguous() first";
    if (asks(flags, PyBUF_F_CONTIGUOUS) && !is_fortran(t)) return "the tensor is not in Fortran order";
    if (asks(flags, PyBUF_ANY_CONTIGUOUS) && !c && !is_fortran(t)) return "the tensor has gaps; use .contiguous() first";
    if (!asks(flags, PyBUF_STRIDES) && !c) return "the tensor is not contiguous and no strides were asked for";
    return NULL;
}

int rt_buffer_get(PyObject *self, Py_buffer *view, int flags)
{
    rt_tensor *t = (rt_tensor *)self;
    if (!view) {
        PyErr_SetString(PyExc_BufferError, "buffer: no view to fill");
        return -1;
    }
    view->obj = NULL;
    const char *why = refusal(t, flags);
    if (why) return rt_error(PyExc_BufferError, "buffer", "%s", why);
    lent *l = PyMem_Malloc(sizeof *l + 2 * (size_t)t->ndim * sizeof(Py_ssize_t));
    if (!l) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < t->ndim; i++) {
        l->dims[i] = t->shape[i];
        l->dims[t->ndim + i] = t->steps[i];
    }
    l->storage = rt_storage_retain(t->storage);
    l->storage->pinned = 1;
    view->buf = t->data;
    view->itemsize = (Py_ssize_t)rt_tensor_itemsize(t);
    view->len = t->size * view->itemsize;
    view->readonly = rt_exports_readonly(t);
    view->ndim = t->ndim;
    view->format = flags & PyBUF_FORMAT ? (char *)format_of((rt_dtype)t->dtype) : NULL;
    view->shape = t->ndim ? l->dims : NULL;
    view->strides = t->ndim && asks(flags, PyBUF_STRIDES) ? l->dims + t->ndim : NULL;
    view->suboffsets = NULL;
    view->internal = l;
    view->obj = Py_NewRef(self);
    return 0;
}

void rt_buffer_release(PyObject *self, Py_buffer *view)
{
    (void)self;
    lent *l = view->internal;
    rt_storage_release(l->storage);
    PyMem_Free(l);
}

/* ---- in ---- */

/* The element that a struct-style format names; *code_size is its size in that format. */
static int format_kind(const char *f, int native, size_t *code_size)
{
    if (f[0] == 'Z') {
        *code_size = f[1] == 'f' ? 8 : 16;
        return (f[1] == 'f' || f[1] == 'd') && !f[2] ? RT_KIND_COMPLEX : -1;
    }
    if (!f[0] || f[1]) return -1;
    switch (f[0]) {
    case '?': *code_size = 1; return RT_KIND_BOOL;
    case 'b': *code_size = 1; return RT_KIND_SIGNED;
    case 'B': *code_size = 1; return RT_KIND_UNSIGNED;
    case 'h': *code_size = 2; return RT_KIND_SIGNED;
    case 'H': *code_size = 2; return RT_KIND_UNSIGNED;
    case 'i': *code_size = 4; return RT_KIND_SIGNED;
    case 'I': *code_size = 4; return RT_KIND_UNSIGNED;
    case 'l': *code_size = native ? sizeof(long) : 4; return RT_KIND_SIGNED;
    case 'L': *code_size = native ? sizeof(long) : 4; return RT_KIND_UNSIGNED;
    case 'q': *code_size = 8; return RT_KIND_SIGNED;
    case 'Q': *code_size = 8; return RT_KIND_UNSIGNED;
    case 'n': *code_size = sizeof(size_t); return native ? RT_KIND_SIGNED : -1;
    case 'N': *code_size = sizeof(size_t); return native ? RT_KIND_UNSIGNED : -1;
    case 'e': *code_size = 2; return RT_KIND_FLOAT;
    case 'f': *code_size = 4; return RT_KIND_FLOAT;
    case 'd': *code_size = 8; return RT_KIND_FLOAT;
    default: return -1;
    }
}

static rt_dtype parse_format(const Py_buffer *view)
{
    const char *format = view->format ? view->format : "B", *f = format;
    int native = 1, little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, foreign = 0;
    if (*f == '@') {
        f++;
    } else if (*f == '=' || *f == '<' || *f == '>' || *f == '!') {
        native = 0;
        foreign = *f == '<' ? !little : *f == '=' ? 0 : little;
        f++;
    }
    size_t size = 0;
    int kind = format_kind(f, native, &size);
    if (kind < 0 || size != (size_t)view->itemsize) {
        rt_error(PyExc_TypeError, "buffer", "elements of format \"%.50s\" and %zd bytes are not a type we compute with",
                 format, view->itemsize);
        return RT_NODTYPE;
    }
    if (foreign && size > 1) {
        rt_error(PyExc_TypeError, "buffer", "format \"%.50s\" is not in this machine's byte order; convert it first", format);
        return RT_NODTYPE;
    }
    return rt_dtype_find((rt_kind)kind, size);
}

static void release_view(void *owner)
{
    PyBuffer_Release(owner);
    PyMem_Free(owner);
}

static int read_view(rt_foreign *f, const Py_buffer *view)
{
    f->dtype = parse_format(view);
    if (f->dtype == RT_NODTYPE) return -1;
    if (view->ndim < 0 || view->ndim > RT_MAX_NDIM)
        return rt_error(PyExc_ValueError, "buffer", "%d dimensions; a tensor has 0 to %d", view->ndim, RT_MAX_NDIM);
    if (view->suboffsets)
        for (int i = 0; i < view->ndim; i++)
            if (view->suboffsets[i] >= 0) return rt_error(PyExc_BufferError, "buffer", "indirect memory (suboffsets)");
    if (view->ndim > 1 && !view->shape) return rt_error(PyExc_BufferError, "buffer", "the exporter gives no shape");
    f->ndim = view->ndim;
    f->c_order = !view->strides;
    for (int i = 0; i < f->ndim; i++) {
        f->shape[i] = view->shape ? view->shape[i] : view->len / view->itemsize;
        f->steps[i] = view->strides ? view->strides[i] : 0;
    }
    f->data = view->buf;
    f->readonly = view->readonly;
    if (f->c_order) {
        f->low = view->buf;
        f->high = f->low + view->len;
    }
    return 0;
}

rt_tensor *rt_buffer_import(PyObject *obj)
{
    Py_buffer *view = PyMem_Malloc(sizeof *view);
    if (!view) return (rt_tensor *)PyErr_NoMemory();
    if (PyObject_GetBuffer(obj, view, PyBUF_RECORDS_RO) < 0) {
        PyMem_Free(view);
        return NULL;
    }
    rt_foreign f = {.op = "buffer", .error = PyExc_ValueError, .release = release_view, .owner = view};
    if (read_view(&f, view) == 0) return rt_foreign_adopt(&f, RT_COPY_IF_NEEDED);
    rt_foreign_drop(&f);
    return NULL;
}
