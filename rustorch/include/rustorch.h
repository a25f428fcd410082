/* rustorch.h: tensors and new ops for C and C++.
 *
 *     #include <Python.h>
 *     #include <rustorch.h>
 *
 *     PyMODINIT_FUNC PyInit_mine(void)
 *     {
 *         if (rustorch_import() < 0) return NULL;       -- once in every C file that uses the API
 *         PyObject *t = rustorch->zeros(RUSTORCH_FLOAT32, 2, (intptr_t[]){3, 4});
 *         ...
 *
 * Everything is reached through `rustorch`, a pointer to a struct of functions which rustorch_import() sets; there
 * is nothing to link with.  Compile with -I`python -c "import rustorch; print(rustorch.get_include())"`.
 *
 * Conventions.  A tensor is a PyObject *.  Functions that return one give a new reference, or NULL with a Python
 * exception set; those that return a status give 0, or -1 with an exception.  Functions marked (tensor) want a
 * tensor and do not check it: `check` tells.  All need the GIL but `parallel_for`, `num_threads` and `itemsize`.
 * Lengths count elements; steps count BYTES, and may be zero or negative.
 *
 * The struct only grows: what was compiled against this header runs with every later rustorch of the same
 * RUSTORCH_API_VERSION. */
#ifndef RUSTORCH_H
#define RUSTORCH_H
#include <Python.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RUSTORCH_API_VERSION 1
#define RUSTORCH_MAX_NDIM 32

/* A PyObject of which is known that it is a tensor: a word for declarations, in cells of a notebook checked. */
typedef PyObject rustorch_tensor;

/* What an element is.  RUSTORCH_ANY asks for no dtype in particular. */
enum {
    RUSTORCH_ANY = -1,
    RUSTORCH_BOOL, RUSTORCH_UINT8, RUSTORCH_INT8, RUSTORCH_UINT16, RUSTORCH_INT16, RUSTORCH_UINT32, RUSTORCH_INT32,
    RUSTORCH_UINT64, RUSTORCH_INT64, RUSTORCH_FLOAT16, RUSTORCH_BFLOAT16, RUSTORCH_FLOAT32, RUSTORCH_FLOAT64,
    RUSTORCH_COMPLEX64, RUSTORCH_COMPLEX128
};

/* Facts of a tensor, or'ed together. */
enum { RUSTORCH_READONLY = 1, RUSTORCH_CONTIGUOUS = 2, RUSTORCH_REQUIRES_GRAD = 4 };

enum { RUSTORCH_CPU = 0, RUSTORCH_CUDA = 1 };

/* An argument of type int? that is None. */
#define RUSTORCH_NONE INTPTR_MIN

/* ---- ops ---- */

/* An inner loop, as NumPy's: n[0] elements, operand k begins at args[k] and its next element lies steps[k] bytes
 * further; inputs first, then the output.  Runs without the GIL and on several threads at once: no Python in it. */
typedef void rustorch_loop(char **args, const intptr_t *n, const intptr_t *steps, void *data);

typedef struct {
    int dtype;                /* of all operands */
    rustorch_loop *loop;      /* NULL ends a list */
} rustorch_typed_loop;

/* One call of a general op, forward or backward.  Everything in it is borrowed. */
typedef struct rustorch_call {
    int nin, nout;
    PyObject *const *in;      /* nin tensors; NULL: an optional one that was not given, or one that was not saved */
    PyObject *const *out;     /* backward: nout results, NULL when not saved.  forward: see `output` */
    PyObject *const *grad_out; /* backward: nout gradients of the results */
    PyObject **grad_in;       /* backward: put new references here, where wanted[i]; NULL counts as 0 */
    const unsigned char *wanted;
    const double *floats;     /* arguments that are no tensors, in the order of the signature: float */
    const intptr_t *ints;     /* int, int?, bool, a|b|c (the word's number), dtype */
    const intptr_t *lists[4]; /* ints, ints? */
    int lengths[4];           /* of lists; -1: None */
    void *data;               /* the op's */
} rustorch_call;

typedef int rustorch_function(rustorch_call *call);      /* 0, or -1 with an exception */

/* op flags, or'ed together */
enum {
    RUSTORCH_METHOD = 1,          /* a method of Tensor, too */
    RUSTORCH_BOOL_RESULT = 2,     /* loops: the output is bool */
    RUSTORCH_REAL_RESULT = 4,     /* loops: of complex inputs the output is real */
    RUSTORCH_SAVE_INPUTS = 8,     /* backward: needs the inputs */
    RUSTORCH_SAVE_OUTPUTS = 16,   /* backward: needs the results */
    RUSTORCH_RECORDED = 32        /* backward is made of recorded ops (`call`): it may be differentiated again */
};

/* An op to be registered.  Give `loops`, or `forward`; of the rest what applies, 0 for all else.  Strings and lists
 * are copied. */
typedef struct {
    size_t size;                  /* sizeof(rustorch_op) */
    const char *name;             /* rustorch.<name>; lower case */
    const char *doc;              /* a sentence */
    /* Arguments: "x", "x, y", "x, alpha=1.0", "x, dim:int=-1, *, keepdim:bool=False".  With loops every argument is an
     * operand, at most 3 of them.  Without, the types are: (none) a tensor, tensor?, tensors, int, int?, bool, float,
     * ints, ints?, dtype, a|b|c. */
    const char *signature;
    int flags;
    const rustorch_typed_loop *loops;
    rustorch_function *forward;
    int nout;                     /* of forward: how many results, 1 to 4; 0 counts as 1 */
    /* Derivatives, one for each of the first three tensors: a text over x, y, z (the tensors), out (the result) and
     * g (its gradient), such as "g * cos(x)"; elementwise ops and ops whose arguments are tensors only may be called.
     * "zero", or NULL: no gradient flows.  Or: */
    const char *gradient[3];
    rustorch_function *backward;
    void *data;                   /* handed to loops and functions */
} rustorch_op;

/* ---- the functions ---- */

typedef struct rustorch_api {
    size_t size;
    int version;

    /* Types and exceptions, borrowed. */
    PyTypeObject *Tensor;
    PyObject *RusTorchError;          /* the root; a RuntimeError */
    PyObject *TensorError;            /* and a ValueError */
    PyObject *ShapeMismatchError;     /* a TensorError */
    PyObject *DtypeError;             /* and a TypeError */
    PyObject *DeviceError;

    /* Looking at a tensor.  All but `check` are marked (tensor). */
    int (*check)(PyObject *o);                        /* 1: a Tensor or an instance of a subclass */
    void *(*data)(PyObject *t);                       /* its first element */
    int (*dtype)(PyObject *t);
    int (*ndim)(PyObject *t);
    const intptr_t *(*shape)(PyObject *t);            /* ndim lengths */
    const intptr_t *(*steps)(PyObject *t);            /* ndim steps in bytes */
    intptr_t (*numel)(PyObject *t);
    int (*flags)(PyObject *t);
    int (*device)(PyObject *t);                       /* RUSTORCH_CPU: data may be followed */
    size_t (*itemsize)(int dtype);                    /* bytes; 0: no such dtype */

    /* Making tensors. */
    PyObject *(*empty)(int dtype, int ndim, const intptr_t *shape);
    PyObject *(*zeros)(int dtype, int ndim, const intptr_t *shape);
    /* On memory of yours, without a copy.  steps NULL: C order.  flags: RUSTORCH_READONLY or 0.  release(owner) is
     * called, with the GIL, when the last view is gone, or at once when `wrap` fails (release NULL: the memory stays). */
    PyObject *(*wrap)(void *data, int dtype, int ndim, const intptr_t *shape, const intptr_t *steps, int flags,
                      void (*release)(void *owner), void *owner);
    /* Any array, sequence or number as a tensor, without a copy where that can be; RUSTORCH_ANY keeps its dtype. */
    PyObject *(*as_tensor)(PyObject *o, int dtype);
    PyObject *(*cast)(PyObject *t, int dtype);        /* recorded; t itself when it has the dtype.  (tensor) */
    PyObject *(*contiguous)(PyObject *t);             /* recorded; t itself when it is.  (tensor) */
    /* rustorch.<name>(args...), recorded. */
    PyObject *(*call)(const char *name, int nargs, PyObject *const *args);
    /* To be asked before writing through `data` of a tensor that others know: an exception for read-only tensors,
     * tensors that require grad, and expanded memory.  Gradients that need what is overwritten then say so.  (tensor) */
    int (*will_write)(PyObject *t);

    /* Threads.  body(ctx, begin, end) is called for pieces of 0..n that are multiples of grain (but the last), on
     * rustorch's threads; the GIL is given back meanwhile, so no Python in it.  n <= grain: one call, here. */
    void (*parallel_for)(intptr_t n, intptr_t grain, void (*body)(void *ctx, intptr_t begin, intptr_t end), void *ctx);
    int (*num_threads)(void);

    /* Ops. */
    int (*register_op)(const rustorch_op *op);        /* for good.  ValueError: the name is taken, or it is malformed */
    /* In forward: result k, C order, to be filled; the tensor given as out= where that fits.  Borrowed. */
    PyObject *(*output)(rustorch_call *call, int k, int dtype, int ndim, const intptr_t *shape);
    /* In forward, instead: t as result k.  Takes the reference. */
    int (*set_output)(rustorch_call *call, int k, PyObject *t);
} rustorch_api;

#if defined(__GNUC__) || defined(__clang__)
__attribute__((unused))
#endif
static const rustorch_api *rustorch = NULL;

/* Sets `rustorch`.  0, or -1 with ImportError. */
static inline int rustorch_import(void)
{
    const rustorch_api *api;
    if (rustorch) return 0;
    api = (const rustorch_api *)PyCapsule_Import("rustorch._C._C_API", 0);
    if (!api) return -1;
    if (api->version != RUSTORCH_API_VERSION || api->size < sizeof(rustorch_api)) {
        PyErr_Format(PyExc_ImportError, "this extension was compiled for version %d of rustorch's C API (%zu bytes); the "
                     "installed rustorch has version %d (%zu bytes)", RUSTORCH_API_VERSION, sizeof(rustorch_api),
                     api->version, api->size);
        return -1;
    }
    rustorch = api;
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif
