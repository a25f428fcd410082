/* function: one callable object per op, used as rustorch.exp and as Tensor.exp alike
 * (vectorcall, method descriptor).  Floor: python. */
#ifndef RT_PYTHON_FUNCTION_H
#define RT_PYTHON_FUNCTION_H
#include "ufunc/op.h"
#include "ufunc/signature.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    const rt_op *op;           /* borrowed, static */
    int inplace;               /* add_: the first argument is the output */
    int is_plain_view;         /* one tensor, shown by integers alone */
    rt_signature signature;
    PyObject *name, *doc;      /* owned */
    PyObject *otherwise;       /* owned or NULL: what answers calls with more than the row's operands */
    PyTypeObject *names;       /* owned or NULL: the named tuple of the results; then positional arguments are the row's */
} rt_function;

extern PyTypeObject rt_function_type;
RT_WARN_UNUSED PyObject *rt_function_new(const rt_op *op, int inplace);
/* overload(row, function, names=None): the row's function for calls with just its operands, `function` for all others.
 * With `names`, a named tuple, for calls without keywords, and its results are that. */
RT_WARN_UNUSED PyObject *rt_function_overload(PyObject *module, PyObject *args);

/* The arguments of one call, parsed; dropped with rt_call_clear. */
#define RT_CALL_INLINE 12
typedef struct {
    int nin;
    rt_operand *in;                       /* inline_in or a block */
    rt_tensor *out[4];                    /* borrowed: given outputs, or NULL */
    int nout_given;
    int numpy_words;                      /* axis, keepdims or ddof was used: NumPy's meaning */
    PyObject **owned;                     /* nin of them */
    rt_operand inline_in[RT_CALL_INLINE];
    PyObject *inline_owned[RT_CALL_INLINE];
    rt_params p;
} rt_call;
RT_WARN_UNUSED int rt_call_parse(rt_call *c, const rt_op *op, const rt_signature *s, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames);
void rt_call_clear(rt_call *c);
/* Applies op and packs the results (new references): one tensor or a tuple. */
RT_WARN_UNUSED PyObject *rt_call_run(rt_call *c, const rt_op *op, int npublic);
/* Binary slots and __array_ufunc__ come through here: a, b anything; NotImplemented when not convertible. */
RT_WARN_UNUSED PyObject *rt_function_binary(const rt_op *op, PyObject *a, PyObject *b);
#endif
