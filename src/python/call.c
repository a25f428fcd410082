/* call: the arguments of one op call, by the row's signature: positions, keywords and
 * their synonyms in both dialects, operands, numbers, lists.  Floor: python. */
#include "core/error.h"
#include "python/autocast.h"
#include "python/convert.h"
#include "python/function.h"
#include "ufunc/apply.h"
#include <string.h>

static const struct { const char *synonym, *name; } synonyms[] = {
    {"axis", "dim"}, {"axis", "dims"}, {"keepdims", "keepdim"}, {"input", "x"}, {"self", "x"}, {"other", "y"},
    {"x1", "x"}, {"x2", "y"}, {"a", "x"}, {"b", "y"}, {"exponent", "y"}, {"mat2", "y"}, {"target", "y"}, {"tensor", "x"},
    {"value", "y"}, {"dtype", "dtype"}, {"ddof", "correction"}, {"end", "y"}, {"weight", "z"}, {"axes", "dims"},
    {"shape", "size"}, {"size", "shape"}, {"dims", "dim"}, {"dim", "dims"}, {"arrays", "tensors"}, {"indices", "index"},
    {"n", "y"},
};

static int find_keyword(const rt_signature *s, const char *word, int *numpy)
{
    for (int i = 0; i < s->nargs; i++)
        if (strcmp(s->args[i].name, word) == 0) return i;
    for (size_t k = 0; k < sizeof synonyms / sizeof *synonyms; k++) {
        if (strcmp(synonyms[k].synonym, word) != 0) continue;
        for (int i = 0; i < s->nargs; i++)
            if (strcmp(s->args[i].name, synonyms[k].name) == 0) {
                *numpy |= word[0] == 'a' || strcmp(word, "keepdims") == 0 || strcmp(word, "ddof") == 0;
                return i;
            }
    }
    return -1;
}

static int bad_argument(const rt_op *op, const rt_arg *a, const char *expected, PyObject *got)
{
    return rt_error(PyExc_TypeError, op->cls.name, "argument '%s' must be %s, not %s", a->name, expected,
                    Py_TYPE(got)->tp_name);
}

static int add_operand(rt_call *c, const rt_op *op, const char *name, PyObject *o, int optional)
{
    rt_operand *slot = &c->in[c->nin];
    c->owned[c->nin] = NULL;
    if (o == Py_None && !optional)
        return rt_error(PyExc_TypeError, op->cls.name, "argument '%s' must be a tensor or a number, not None", name);
    int status = rt_convert_operand(o, slot, &c->owned[c->nin]);
    if (status == 0) {
        c->nin++;
        return 0;
    }
    if (status == 1)
        rt_error(PyExc_TypeError, op->cls.name, "argument '%s' must be a tensor, an array or a number, not %s", name,
                 Py_TYPE(o)->tp_name);
    return -1;
}

/* A sequence of tensors takes all remaining operand places: a block is made for it. */
static int add_tensors(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *o)
{
    if (rt_tensor_check(o) && ((rt_tensor *)o)->ndim == 0) return bad_argument(op, a, "a sequence of tensors", o);
    PyObject *list = PySequence_Tuple(o);        /* not the list itself: converting its items may change it */
    if (!list) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
        PyErr_Clear();
        return bad_argument(op, a, "a sequence of tensors", o);
    }
    Py_ssize_t n = PyTuple_GET_SIZE(list);
    int status = 0;
    if (c->nin + n > RT_CALL_INLINE - 4) {
        rt_operand *in = PyMem_Calloc((size_t)(c->nin + n + 4), sizeof *in);
        PyObject **owned = PyMem_Calloc((size_t)(c->nin + n + 4), sizeof *owned);
        if (!in || !owned) {
            PyMem_Free(in);
            PyMem_Free(owned);
            Py_DECREF(list);
            PyErr_NoMemory();
            return -1;
        }
        memcpy(in, c->in, (size_t)c->nin * sizeof *in);
        memcpy(owned, c->owned, (size_t)c->nin * sizeof *owned);
        c->in = in;
        c->owned = owned;
    }
    for (Py_ssize_t i = 0; status == 0 && i < n; i++) {
        PyObject *item = PyTuple_GET_ITEM(list, i);
        int at = c->nin;
        status = add_operand(c, op, a->name, item, 0);
        if (status == 0 && c->in[at].t && !c->owned[at]) c->owned[at] = Py_NewRef((PyObject *)c->in[at].t);
    }
    Py_DECREF(list);
    return status;
}

static int add_int(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *o, int *at)
{
    if (o == Py_None) {
        if (a->type != RT_ARG_INT_OPT) return bad_argument(op, a, "an integer", o);
        c->p.i[(*at)++] = RT_NONE_INT;
        return 0;
    }
    if (PyFloat_Check(o) || (rt_tensor_check(o) && ((rt_tensor *)o)->dtype == RT_b1)) return bad_argument(op, a, "an integer", o);
    Py_ssize_t v = PyNumber_AsSsize_t(o, PyExc_OverflowError);
    if (v == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return bad_argument(op, a, "an integer", o);
        }
        return -1;
    }
    c->p.i[(*at)++] = v;
    return 0;
}

static int push_list(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *item)
{
    if (c->p.nlist == RT_PARAM_LIST)
        return rt_error(rt_TensorError, op->cls.name, "argument '%s' is too long", a->name);
    if (PyFloat_Check(item) || PyUnicode_Check(item)) return bad_argument(op, a, "an integer or integers", item);
    Py_ssize_t v = PyLong_CheckExact(item) ? PyLong_AsSsize_t(item) : PyNumber_AsSsize_t(item, PyExc_OverflowError);
    if (v == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return bad_argument(op, a, "an integer or integers", item);
        }
        return -1;
    }
    c->p.list[c->p.nlist++] = v;
    return 0;
}

static int add_ints(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *o, int *at)
{
    int k = (*at)++;
    if (o == Py_None) {
        if (a->type != RT_ARG_INTS_OPT) return bad_argument(op, a, "an integer or integers", o);
        c->p.n[k] = -1;
        return 0;
    }
    int before = c->p.nlist;
    if (PyTuple_Check(o) || PyList_Check(o)) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++) {
            PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(o, i));    /* __index__ may change the list */
            int status = push_list(c, op, a, item);
            Py_DECREF(item);
            if (status < 0) return -1;
        }
    } else if (PyIndex_Check(o) || PyFloat_Check(o)) {
        if (push_list(c, op, a, o) < 0) return -1;
    } else {
        PyObject *list = PySequence_Fast(o, "");
        if (!list) {
            PyErr_Clear();
            return bad_argument(op, a, "an integer or integers", o);
        }
        int status = 0;
        for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(list); i++)
            status = push_list(c, op, a, PySequence_Fast_GET_ITEM(list, i));
        Py_DECREF(list);
        if (status < 0) return -1;
    }
    c->p.n[k] = (int16_t)(c->p.nlist - before);
    return 0;
}

/* The same from arguments that stand side by side. */
static int add_each(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *const *items, Py_ssize_t n, int *at)
{
    const int k = (*at)++, before = c->p.nlist;
    for (Py_ssize_t i = 0; i < n; i++)
        if (push_list(c, op, a, items[i]) < 0) return -1;
    c->p.n[k] = (int16_t)(c->p.nlist - before);
    return 0;
}

static int add_word(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *o, int *at)
{
    const char *text = PyUnicode_Check(o) ? PyUnicode_AsUTF8(o) : NULL;
    for (int i = 0; text && i < a->nwords; i++)
        if (strcmp(text, a->words[i]) == 0) {
            c->p.i[(*at)++] = i;
            return 0;
        }
    char list[160] = "";
    for (int i = 0; i < a->nwords; i++) {
        strncat(list, i ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, a->words[i], sizeof list - strlen(list) - 1);
    }
    return rt_error(rt_TensorError, op->cls.name, "argument '%s' must be one of %s, not %R", a->name, list, o);
}

typedef struct { int i, f, list; } counters;

static int add_value(rt_call *c, const rt_op *op, const rt_arg *a, PyObject *o, counters *k)
{
    switch (a->type) {
    case RT_ARG_TENSOR: case RT_ARG_TENSOR_OPT: return add_operand(c, op, a->name, o, a->type == RT_ARG_TENSOR_OPT);
    case RT_ARG_TENSORS: return add_tensors(c, op, a, o);
    case RT_ARG_INT: case RT_ARG_INT_OPT: return add_int(c, op, a, o, &k->i);
    case RT_ARG_INTS: case RT_ARG_INTS_OPT: return add_ints(c, op, a, o, &k->list);
    case RT_ARG_WORD: return add_word(c, op, a, o, &k->i);
    case RT_ARG_BOOL: {
        int v = PyObject_IsTrue(o);
        if (v < 0) return -1;
        c->p.i[k->i++] = v;
        return 0;
    }
    case RT_ARG_FLOAT: {
        double v = PyFloat_AsDouble(o);
        if (v == -1 && PyErr_Occurred()) {
            if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
            PyErr_Clear();
            return bad_argument(op, a, "a number", o);
        }
        c->p.f[k->f++] = v;
        return 0;
    }
    default: {
        rt_dtype d = RT_NODTYPE;
        if (o != Py_None && rt_dtype_convert(o, &d) < 0) return -1;
        c->p.i[k->i++] = d;
        return 0;
    }
    }
}

static int add_default(rt_call *c, const rt_op *op, const rt_arg *a, counters *k)
{
    if (!a->has_default)
        return rt_error(PyExc_TypeError, op->cls.name, "missing argument '%s'", a->name);
    double v = a->default_value;
    switch (a->type) {
    case RT_ARG_TENSOR: case RT_ARG_TENSOR_OPT: {
        rt_operand o = a->default_none ? (rt_operand){.none = 1}
                     : v == (double)(int64_t)v ? rt_operand_int((int64_t)v) : rt_operand_float(v);
        c->owned[c->nin] = NULL;
        c->in[c->nin++] = o;
        return 0;
    }
    case RT_ARG_INTS: case RT_ARG_INTS_OPT:
        if (a->default_none) {
            c->p.n[k->list++] = -1;
        } else {
            c->p.list[c->p.nlist++] = (intptr_t)v;
            c->p.n[k->list++] = 1;
        }
        return 0;
    case RT_ARG_FLOAT: c->p.f[k->f++] = v; return 0;
    case RT_ARG_DTYPE: c->p.i[k->i++] = RT_NODTYPE; return 0;
    case RT_ARG_TENSORS: return 0;
    default: c->p.i[k->i++] = a->default_none ? RT_NONE_INT : (intptr_t)v; return 0;
    }
}

/* Hidden outputs cannot be given: rows count on those to be as they make them. */
static int take_out(rt_call *c, const rt_op *op, const rt_signature *s, PyObject *o)
{
    const int results = s->npublic ? s->npublic : op->nout;
    if (o == Py_None) return 0;
    if (op->family == RT_VIEW) return rt_error(PyExc_TypeError, op->cls.name, "a view has no 'out='");
    PyObject *const *items = PyTuple_Check(o) ? PySequence_Fast_ITEMS(o) : &o;
    Py_ssize_t n = PyTuple_Check(o) ? PyTuple_GET_SIZE(o) : 1;
    if (n > results) return rt_error(PyExc_TypeError, op->cls.name, "'out=' has %zd tensors for %d results", n, results);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!rt_tensor_check(items[i]))
            return rt_error(PyExc_TypeError, op->cls.name, "'out=' must be a Tensor, not %s", Py_TYPE(items[i])->tp_name);
        c->out[i] = (rt_tensor *)items[i];
        c->nout_given++;
    }
    return 0;
}

static int sort_keywords(rt_call *c, const rt_op *op, const rt_signature *s, PyObject *const *values, PyObject *kwnames,
                         PyObject **bound)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
        if (!word) return -1;
        if (strcmp(word, "out") == 0) {
            if (take_out(c, op, s, values[i]) < 0) return -1;
            continue;
        }
        int at = find_keyword(s, word, &c->numpy_words);
        if (at < 0) return rt_error(PyExc_TypeError, op->cls.name, "unexpected keyword argument '%s'", word);
        if (bound[at]) return rt_error(PyExc_TypeError, op->cls.name, "two values for argument '%s'", s->args[at].name);
        bound[at] = values[i];
    }
    return 0;
}

/* Positional arguments; extra ones belong to a trailing `ints`: f(x, 1, 2, 3).  Those are not bound: returns how many
 * they are, 0 when there are none, -1 with an exception. */
static Py_ssize_t place_positional(const rt_op *op, const rt_signature *s, PyObject *const *args, Py_ssize_t n,
                                   PyObject **bound)
{
    const int last = s->npositional - 1;
    Py_ssize_t direct = n;
    if (n > s->npositional) {
        const int lists = last >= 0 && (s->args[last].type == RT_ARG_INTS || s->args[last].type == RT_ARG_INTS_OPT);
        if (!lists || !PyIndex_Check(args[last]))
            return rt_error(PyExc_TypeError, op->cls.name, "takes at most %d argument%s, not %zd", s->npositional,
                            s->npositional == 1 ? "" : "s", n);
        direct = last;
        bound[last] = args[last];                  /* a keyword for it is one too many */
    }
    for (Py_ssize_t i = 0; i < direct; i++) bound[i] = args[i];
    return n - direct;
}

int rt_call_parse(rt_call *c, const rt_op *op, const rt_signature *s, PyObject *const *args, Py_ssize_t nargs,
                  PyObject *kwnames)
{
    PyObject *bound[RT_MAX_ARGS] = {NULL};
    counters k = {0, 0, 0};
    int status = -1;
    Py_ssize_t extra;
    c->nin = c->nout_given = c->numpy_words = 0;
    c->in = c->inline_in;
    c->owned = c->inline_owned;
    memset(c->out, 0, sizeof c->out);
    memset(&c->p, 0, offsetof(rt_params, list));
    if ((extra = place_positional(op, s, args, nargs, bound)) < 0) goto done;
    if (kwnames && sort_keywords(c, op, s, args + nargs, kwnames, bound) < 0) goto done;
    for (int i = 0; i < s->nargs; i++) {
        const rt_arg *a = &s->args[i];
        if (!bound[i]) {
            if (add_default(c, op, a, &k) < 0) goto done;
        } else if (extra && i == s->npositional - 1 ? add_each(c, op, a, args + i, extra, &k.list) < 0
                                                    : add_value(c, op, a, bound[i], &k) < 0) {
            rt_error_argument(op->cls.name, a->name);
            goto done;
        }
    }
    if (c->numpy_words)          /* std(axis=0) divides by n: NumPy's ddof is 0 */
        for (int i = 0, f = 0; i < s->nargs; i++) {
            if (s->args[i].type != RT_ARG_FLOAT) continue;
            if (strcmp(s->args[i].name, "correction") == 0 && !bound[i]) c->p.f[f] = 0;
            f++;
        }
    status = 0;
done:
    if (status < 0) rt_call_clear(c);
    return status;
}

void rt_call_clear(rt_call *c)
{
    for (int i = 0; i < c->nin; i++) Py_XDECREF(c->owned[i]);
    if (c->in != c->inline_in) {
        PyMem_Free(c->in);
        PyMem_Free(c->owned);
    }
    c->nin = 0;
    c->in = c->inline_in;
}

PyObject *rt_call_run(rt_call *c, const rt_op *op, int npublic)
{
    rt_tensor *out[4];
    memcpy(out, c->out, sizeof out);
    if (rt_autocast_on && !out[0] && rt_autocast_cast(op, c->nin, c->in, c->owned) < 0) return NULL;
    if (rt_op_apply(op, c->nin, c->in, &c->p, out) < 0) {
        rt_error_argument(op->cls.name, NULL);
        return NULL;
    }
    for (int k = 0; k < op->nout; k++)
        if (c->out[k]) Py_INCREF(out[k]);
    if (!npublic) npublic = op->nout;
    for (int k = npublic; k < op->nout; k++) Py_XDECREF((PyObject *)out[k]);
    if (npublic == 1) return (PyObject *)out[0];
    PyObject *t = PyTuple_New(npublic);
    for (int k = 0; k < npublic; k++) {
        if (t) PyTuple_SET_ITEM(t, k, (PyObject *)out[k]);
        else Py_DECREF(out[k]);
    }
    return t;
}
