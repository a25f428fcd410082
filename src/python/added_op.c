/* added_op: the rows that extensions add: what they hand in is checked and copied, and the functions that users call
 * are put in their places.  A row is never taken away again.  Floor: python. */
#include "python/added_op.h"
#include "core/error.h"
#include "python/function.h"
#include "python/ufunc_register.h"
#include "ufunc/derive.h"
#include "ufunc/elementwise.h"
#include <string.h>

#define LONGEST_NAME 31                 /* a derivative's text calls no longer ones */
#define LONGEST_TEXT 1000

static int refuse(const char *name, const char *why, const char *what)
{
    PyErr_Format(PyExc_ValueError, "register_op: op \"%.64s\": %s%.200s", name ? name : "", why, what ? what : "");
    return -1;
}

/* A text of the row could not be read: the table's SystemError is the extension's ValueError. */
static int refuse_text(const char *name)
{
    PyObject *type, *value, *trace;
    if (!PyErr_ExceptionMatches(PyExc_SystemError)) return -1;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyErr_Format(PyExc_ValueError, "register_op: op \"%s\": %S", name, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return -1;
}

static int is_word(const char *s, size_t longest)
{
    size_t n = strlen(s);
    if (n == 0 || n > longest || !((*s >= 'a' && *s <= 'z') || *s == '_')) return 0;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int check_name(const char *name, int in_place)
{
    if (!name || !is_word(name, LONGEST_NAME) || *name == '_' || name[strlen(name) - 1] == '_')
        return refuse(name, "a name is made of lower-case letters, digits and inner underscores, at most 31", NULL);
    PyObject *module = PyImport_ImportModule("rustorch.plugins");
    PyObject *taken = module ? PyObject_CallMethod(module, "_taken", "si", name, in_place) : NULL;
    int status = !taken ? -1 : taken == Py_None ? 0 : refuse(name, "the name is taken by ", PyUnicode_AsUTF8(taken));
    Py_XDECREF(taken);
    Py_XDECREF(module);
    return status;
}

/* Is an argument's default a value that it can have? */
static int fits_default(const rt_arg *a)
{
    const double v = a->default_value;
    if (!a->has_default || a->type == RT_ARG_FLOAT || a->type == RT_ARG_TENSOR) return 1;
    if (a->default_none)
        return a->type == RT_ARG_TENSOR_OPT || a->type == RT_ARG_INT_OPT || a->type == RT_ARG_INTS_OPT || a->type == RT_ARG_DTYPE;
    return a->type == RT_ARG_WORD ? v >= 0 && v < a->nwords && v == (int)v
         : a->type != RT_ARG_TENSOR_OPT && a->type != RT_ARG_TENSORS && a->type != RT_ARG_DTYPE && v >= -1e15 && v <= 1e15;
}

/* Parses the signature and sees that a call's arguments will find room in rt_params. */
static int check_signature(const rustorch_op *s, rt_signature *signature, int *noperands)
{
    int ints = 0, floats = 0, lists = 0, many = 0;
    *noperands = 0;
    if (!s->signature || strlen(s->signature) > LONGEST_TEXT / 4 || strchr(s->signature, '>'))
        return refuse(s->name, "it has no signature that could be read", NULL);
    if (rt_signature_parse(s->signature, signature) < 0) return refuse_text(s->name);
    for (int i = 0; i < signature->nargs; i++) {
        const rt_arg *a = &signature->args[i];
        if (!is_word(a->name, sizeof a->name - 2) || strcmp(a->name, "out") == 0)
            return refuse(s->name, "no name for an argument: ", a->name);
        if (!fits_default(a)) return refuse(s->name, "no default for such an argument: ", a->name);
        for (int j = 0; j < i; j++)
            if (strcmp(a->name, signature->args[j].name) == 0) return refuse(s->name, "two arguments are called ", a->name);
        switch (a->type) {
        case RT_ARG_TENSOR: case RT_ARG_TENSOR_OPT: ++*noperands; break;
        case RT_ARG_TENSORS: many++; break;
        case RT_ARG_INTS: case RT_ARG_INTS_OPT: lists++; break;
        case RT_ARG_FLOAT: floats++; break;
        default: ints++;
        }
        if (s->loops && a->type != RT_ARG_TENSOR)
            return refuse(s->name, "with loops every argument is an operand, not so ", a->name);
    }
    if (*noperands + many < 1 || many > 1 || *noperands > (s->loops ? 3 : 8) || ints > 6 || floats > 6 || lists > 4)
        return refuse(s->name, s->loops ? "with loops it takes 1 to 3 operands" : "1 to 8 tensors, at most one `tensors`, 6"
                      " integers, 6 numbers and 4 lists can be", NULL);
    if (many) *noperands = 0;
    return 0;
}

static int set_loops(rt_op *row, const rustorch_op *s)
{
    int kinds = 0;
    for (const rustorch_typed_loop *l = s->loops; l->loop; l++) {
        if (l->dtype < 0 || l->dtype >= RT_NDTYPE || row->loops[l->dtype])
            return refuse(s->name, "a loop's dtype is wrong, or there are two for one dtype", NULL);
        row->loops[l->dtype] = l->loop;
        kinds |= 1 << rt_dtype_kind((rt_dtype)l->dtype);
    }
    const int integers = kinds & (1 << RT_KIND_BOOL | 1 << RT_KIND_UNSIGNED | 1 << RT_KIND_SIGNED);
    if (!kinds) return refuse(s->name, "there are no loops", NULL);
    row->klass = integers ? RT_CLASS_ALL : kinds == 1 << RT_KIND_COMPLEX ? RT_CLASS_COMPLEX
               : kinds == 1 << RT_KIND_FLOAT ? RT_CLASS_FLOAT : RT_CLASS_INEXACT;
    row->family = RT_ELEMENTWISE;
    row->forward = rt_elementwise_forward;
    row->nout = 1;
    row->logic = (s->flags & RUSTORCH_BOOL_RESULT) != 0;
    row->real_result = (s->flags & RUSTORCH_REAL_RESULT) != 0;
    row->data = s->data;
    return 0;
}

static int set_functions(rt_added_op *a, const rustorch_op *s)
{
    a->row.family = RT_GUFUNC;
    a->row.klass = RT_CLASS_ALL;
    a->row.forward = rt_added_forward;
    a->row.nout = (uint8_t)(s->nout ? s->nout : 1);
    a->forward = s->forward;
    a->backward = s->backward;
    a->data = s->data;
    a->flags = s->flags;
    if (s->nout < 0 || s->nout > RT_ADDED_RESULTS) return refuse(s->name, "there are 1 to 4 results", NULL);
    if (!s->backward) {
        if (s->flags & (RUSTORCH_SAVE_INPUTS | RUSTORCH_SAVE_OUTPUTS | RUSTORCH_RECORDED))
            return refuse(s->name, "its flags speak of a backward function, and there is none", NULL);
        return 0;
    }
    a->row.cls.backward = rt_added_backward;
    a->row.differentiable = 1;
    if (s->flags & RUSTORCH_SAVE_INPUTS) a->row.saves = RT_SAVE_INPUTS;
    if (s->flags & RUSTORCH_SAVE_OUTPUTS) {
        static const uint16_t each[RT_ADDED_RESULTS] = {RT_SAVE_OUT, RT_SAVE_OUT2, RT_SAVE_OUT3, RT_SAVE_OUT4};
        if (a->row.saves) a->row.saves |= RT_SAVE_OUT | RT_SAVE_HIDDEN;
        else for (int k = 0; k < a->row.nout; k++) a->row.saves |= each[k];
    }
    return 0;
}

static char *copy_of(const char *text)
{
    char *copy = PyMem_Malloc(strlen(text) + 1);
    if (copy) strcpy(copy, text);
    else PyErr_NoMemory();
    return copy;
}

static int set_texts(rt_op *row, const rustorch_op *s, int noperands)
{
    int texts = 0;
    row->cls.name = copy_of(s->name);
    row->signature = copy_of(s->signature);
    row->doc = copy_of(s->doc ? s->doc : "");
    row->numpy = "";
    row->expression = "loop()";
    row->domain = "";
    if (!row->cls.name || !row->signature || !row->doc) return -1;
    for (int i = 0; i < 3; i++) {
        if (!s->gradient[i]) continue;
        texts = 1;
        if (i >= noperands || strlen(s->gradient[i]) > LONGEST_TEXT)
            return refuse(s->name, "a derivative belongs to no operand, or is too long: ", s->gradient[i]);
        if (!(row->gradient[i] = copy_of(s->gradient[i]))) return -1;
    }
    if (!texts || s->loops) return 0;
    if (s->backward || row->nout != 1)
        return refuse(s->name, "derivatives as texts are for ops with one result and no backward function", NULL);
    row->cls.backward = rt_added_rules_backward;
    return 0;
}

static void discard(rt_added_op *a)
{
    if (!a) return;
    PyMem_Free((char *)a->row.cls.name);
    PyMem_Free((char *)a->row.signature);
    PyMem_Free((char *)a->row.doc);
    for (int i = 0; i < 3; i++) PyMem_Free((char *)a->row.gradient[i]);
    PyMem_Free(a);
}

/* Puts the row's function, and its in-place form, where users look for them. */
static int publish(const rt_op *row, int flags)
{
    PyObject *c = PyImport_ImportModule("rustorch._C"), *module = PyImport_ImportModule("rustorch");
    PyObject *ops = c ? PyObject_GetAttrString(c, "ops") : NULL;
    int status = ops && module ? rt_ufunc_add(row) : -1;
    for (int inplace = 0; status == 0 && inplace <= (row->family == RT_ELEMENTWISE && !row->logic); inplace++) {
        PyObject *f = rt_function_new(row, inplace), *name = f ? ((rt_function *)f)->name : NULL;
        status = f ? PyObject_SetItem(ops, name, f) : -1;
        if (status == 0) status = PyObject_SetAttr(module, name, f);
        if (status == 0 && flags & RUSTORCH_METHOD) status = PyDict_SetItem(rt_tensor_type.tp_dict, name, f);
        Py_XDECREF(f);
    }
    PyType_Modified(&rt_tensor_type);
    Py_XDECREF(ops);
    Py_XDECREF(c);
    Py_XDECREF(module);
    return status;
}

int rt_added_op_register(const rustorch_op *s)
{
    rt_signature signature;
    int noperands;
    rt_added_op *a = NULL;
    if (!s || s->size != sizeof *s) return refuse(NULL, "rustorch_op.size must be sizeof(rustorch_op)", NULL);
    const int in_place = s->loops && !(s->flags & RUSTORCH_BOOL_RESULT);
    if (check_name(s->name, in_place) < 0 || check_signature(s, &signature, &noperands) < 0) return -1;
    if (!s->loops == !s->forward || (s->loops && s->backward))
        return refuse(s->name, "give loops, or forward and perhaps backward", NULL);
    if (s->flags & ~63) return refuse(s->name, "it has flags that nobody knows", NULL);
    a = PyMem_Calloc(1, sizeof *a);
    if (!a) {
        PyErr_NoMemory();
        return -1;
    }
    a->row.nin = (uint8_t)noperands;
    int status = s->loops ? set_loops(&a->row, s) : set_functions(a, s);
    if (status == 0) status = set_texts(&a->row, s, noperands);
    if (status == 0 && rt_op_add(&a->row) < 0) status = refuse_text(s->name);
    if (status < 0) {
        discard(a);
        return -1;
    }
    for (int i = 0; i < 3; i++)
        if (!s->loops && a->row.rules[i]) a->row.saves |= rt_rule_uses(a->row.rules[i]);
    return publish(&a->row, s->flags);
}
