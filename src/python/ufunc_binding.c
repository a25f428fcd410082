/* ufunc_binding: a table from ufunc objects, by address, to rows.  NumPy's are entered when the
 * first one is asked for, SciPy's one by one as they come, ours when they are made.
 * Floor: python. */
#include "python/ufunc_binding.h"
#include <string.h>

static rt_binding *table;          /* open addressing; capacity is a power of two */
static size_t capacity, used;
static int numpy_entered;

static size_t place(const rt_binding *t, size_t n, const PyObject *ufunc)
{
    size_t at = ((uintptr_t)ufunc >> 4) * 0x9e3779b97f4a7c15u >> 32 & (n - 1);
    while (t[at].ufunc && t[at].ufunc != ufunc) at = (at + 1) & (n - 1);
    return at;
}

static int grow(void)
{
    size_t n = capacity ? 2 * capacity : 512;
    rt_binding *t = PyMem_Calloc(n, sizeof *t);
    if (!t) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < capacity; i++)
        if (table[i].ufunc) t[place(t, n, table[i].ufunc)] = table[i];
    PyMem_Free(table);
    table = t;
    capacity = n;
    return 0;
}

static const struct { const char *numpy, *reduce, *accumulate; } folds[] = {
    {"add", "sum", "cumsum"}, {"multiply", "prod", "cumprod"}, {"maximum", "amax", NULL}, {"minimum", "amin", NULL},
    {"logical_and", "all", NULL}, {"logical_or", "any", NULL}, {"logaddexp", "logsumexp", "logcumsumexp"},
};

/* Ufuncs that do otherwise with integers than the row: 1 / 2 is 0, 2 ** -1 an error, True squared an int8. */
static const struct { const char *numpy; rt_integers whose; } integers[] = {
    {"reciprocal", RT_INTEGERS_NUMPYS}, {"power", RT_INTEGERS_NUMPYS}, {"square", RT_INTEGERS_NUMPYS},
    {"conjugate", RT_INTEGERS_NUMPYS}, {"sign", RT_INTEGERS_NUMPYS}, {"rint", RT_INTEGERS_FLOAT64},
};

int rt_binding_add(PyObject *ufunc, const rt_op *op)
{
    if (2 * (used + 1) > capacity && grow() < 0) return -1;
    rt_binding *b = &table[place(table, capacity, ufunc)];
    if (!b->ufunc) {
        b->ufunc = Py_NewRef(ufunc);
        used++;
    }
    b->op = op;
    b->integers = RT_INTEGERS_OURS;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (strcmp(op->numpy, integers[i].numpy) == 0) b->integers = integers[i].whose;
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        if (strcmp(op->numpy, folds[i].numpy) != 0) continue;
        b->reduce = folds[i].reduce && rt_op_find(folds[i].reduce) ? folds[i].reduce : NULL;
        b->accumulate = folds[i].accumulate && rt_op_find(folds[i].accumulate) ? folds[i].accumulate : NULL;
    }
    return 0;
}

static int count(PyObject *ufunc, const char *which)
{
    PyObject *n = PyObject_GetAttrString(ufunc, which);
    int v = n ? (int)PyLong_AsLong(n) : -1;
    Py_XDECREF(n);
    return v;
}

static int fits(PyObject *ufunc, const rt_op *op)
{
    return count(ufunc, "nin") == op->nin && count(ufunc, "nout") == op->nout;
}

static int enter_numpy(void)
{
    PyObject *numpy = PyImport_ImportModule("numpy"), *matmul = NULL;
    int status = numpy ? 0 : -1;
    for (int i = 0; status == 0 && i < RT_NOP; i++) {
        const rt_op *op = &rt_ops[i];
        if (op->family != RT_ELEMENTWISE || !*op->numpy) continue;
        PyObject *ufunc = PyObject_GetAttrString(numpy, op->numpy);
        if (ufunc && fits(ufunc, op)) status = rt_binding_add(ufunc, op);
        Py_XDECREF(ufunc);
        if (status == 0) PyErr_Clear();             /* a NumPy that lacks it */
    }
    const rt_op *product = rt_op_find("matmul");
    if (status == 0 && product) {
        matmul = PyObject_GetAttrString(numpy, "matmul");
        status = matmul ? rt_binding_add(matmul, product) : -1;
    }
    Py_XDECREF(matmul);
    Py_XDECREF(numpy);
    numpy_entered = status == 0;
    return status;
}

/* Functions of scipy.special, and the row of the same meaning. */
static const struct { const char *scipy, *row; } special[] = {
    {"cbrt", "cbrt"}, {"digamma", "digamma"}, {"entr", "entr"}, {"erf", "erf"}, {"erfc", "erfc"}, {"erfcx", "erfcx"},
    {"erfinv", "erfinv"}, {"exp2", "exp2"}, {"expit", "sigmoid"}, {"expm1", "expm1"}, {"gammaln", "lgamma"}, {"i0", "i0"},
    {"i0e", "i0e"}, {"i1", "i1"}, {"i1e", "i1e"}, {"log1p", "log1p"}, {"log_expit", "log_sigmoid"},
    {"log_ndtr", "log_ndtr"}, {"logit", "logit"}, {"ndtr", "ndtr"}, {"ndtri", "ndtri"}, {"psi", "digamma"},
    {"gamma", "gamma"}, {"xlog1py", "xlog1py"}, {"xlogy", "xlogy"}, {"gammainc", "igamma"}, {"gammaincc", "igammac"},
    {"j0", "bessel_j0"}, {"j1", "bessel_j1"}, {"y0", "bessel_y0"}, {"y1", "bessel_y1"},
    {"k0", "modified_bessel_k0"}, {"k0e", "scaled_modified_bessel_k0"}, {"k1", "modified_bessel_k1"},
    {"k1e", "scaled_modified_bessel_k1"},
};

/* Enters `ufunc` when it is scipy.special's object of its name (where wrappers may stand before them). */
static int enter_special(PyObject *ufunc)
{
    PyObject *module = PyImport_GetModuleDict(), *name = NULL, *same = NULL;
    int status = 0;
    module = PyDict_GetItemString(module, "scipy.special._ufuncs");
    if (!module) return 0;
    name = PyObject_GetAttrString(ufunc, "__name__");
    const char *text = name ? PyUnicode_AsUTF8(name) : NULL;
    if (!text) goto done;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcmp(text, special[i].scipy) != 0) continue;
        const rt_op *op = rt_op_find(special[i].row);
        same = op ? PyObject_GetAttr(module, name) : NULL;
        if (same == ufunc && op->family == RT_ELEMENTWISE && fits(ufunc, op)) status = rt_binding_add(ufunc, op);
        break;
    }
done:
    Py_XDECREF(same);
    Py_XDECREF(name);
    if (status == 0) PyErr_Clear();
    return status;
}

const rt_binding *rt_binding_find(PyObject *ufunc)
{
    if (!numpy_entered && enter_numpy() < 0) return NULL;
    const rt_binding *b = &table[place(table, capacity, ufunc)];
    if (b->ufunc) return b;
    if (enter_special(ufunc) < 0) return NULL;
    b = &table[place(table, capacity, ufunc)];
    return b->ufunc ? b : NULL;
}
