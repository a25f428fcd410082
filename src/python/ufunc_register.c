/* ufunc_register: an np.ufunc for every elementwise row, on the same loops as the Tensor's ops.
 * Where NumPy has a ufunc of the same meaning, its list of types is followed, so that dtypes
 * come out as NumPy's; a loop of another dtype is reached through conversion in blocks.
 * The objects, and what they point at, live as long as the process.  Floor: python. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL rt_array_api
#define PY_UFUNC_UNIQUE_SYMBOL rt_ufunc_api
#define NO_IMPORT_ARRAY
#include "python/ufunc_register.h"
#include "python/ufunc_binding.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/op.h"
#include <numpy/ndarraytypes.h>
#include <numpy/ufuncobject.h>
#include <fenv.h>
#include <string.h>

#define MOST_INPUTS 3
#define BLOCK 256
#define ELEMENT 16                      /* bytes of the widest element */

/* How one loop of a ufunc is computed: the `data` NumPy hands to it. */
typedef struct {
    rt_loop *loop;
    void *loop_data;
    rt_loop *cast[MOST_INPUTS + 1];     /* inputs to the loop's dtype, its result to the output's; or NULL */
    const rt_reducer *fold;             /* folds a block in the loop's dtype, or NULL */
    uint8_t nin, converts, size[MOST_INPUTS + 1];   /* of the loop's elements */
} route;

typedef char slot[ELEMENT] __attribute__((aligned(ELEMENT)));

/* Padding lanes compute on leftovers, so the flags tell nothing about the elements. */
static void drop_float_flags(void)
{
    const int flags = FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID;
    if (fetestexcept(flags)) feclearexcept(flags);
}

static void convert(rt_loop *cast, const char *from, intptr_t from_step, char *to, intptr_t to_step, intptr_t n)
{
    char *args[2] = {(char *)from, to};
    intptr_t steps[2] = {from_step, to_step};
    cast(args, &n, steps, NULL);
}

/* NumPy's reduce calls a binary loop with the running value as first input and as output. */
static int is_fold(const route *r, char **args, const intptr_t *steps)
{
    return r->nin == 2 && args[0] == args[2] && steps[0] == 0 && steps[2] == 0;
}

static void fold(const route *r, char **args, intptr_t n, const intptr_t *steps)
{
    _Alignas(64) char room[RT_REDUCE_BLOCK * ELEMENT];
    slot running, part;
    char *acc = args[0], *x = args[1];
    if (r->cast[0]) convert(r->cast[0], args[0], 0, acc = running, 0, 1);
    for (intptr_t m; n > 0; n -= m, x += m * steps[1]) {
        m = n < RT_REDUCE_BLOCK ? n : RT_REDUCE_BLOCK;
        const char *block = x;
        intptr_t step = steps[1];
        if (r->cast[1]) convert(r->cast[1], x, step, room, r->size[1], m), block = room, step = r->size[1];
        if (r->fold) {
            r->fold->block(block, m, step, part);
            r->fold->combine(acc, part, 1, 1);
        } else {
            char *at[3] = {acc, (char *)block, acc};
            intptr_t by[3] = {0, step, 0};
            r->loop(at, &m, by, r->loop_data);
        }
    }
    if (r->cast[2]) convert(r->cast[2], acc, 0, args[2], 0, 1);
}

/* Elements of a block are read before any is written: where an output element is a later input
 * (accumulate), blocks are of one. */
static intptr_t block_length(const route *r, char **args, intptr_t n, const intptr_t *steps)
{
    const char *out = args[r->nin], *out_end = out + n * steps[r->nin];
    for (int k = 0; k < r->nin; k++) {
        const char *in = args[k], *in_end = in + n * steps[k];
        if (in == out && steps[k] == steps[r->nin]) continue;
        if ((in < in_end ? in : in_end) <= (out < out_end ? out_end : out)
            && (out < out_end ? out : out_end) <= (in < in_end ? in_end : in))
            return 1;
    }
    return BLOCK;
}

static void run_converted(const route *r, char **args, intptr_t n, const intptr_t *steps)
{
    _Alignas(64) char room[MOST_INPUTS + 1][BLOCK * ELEMENT];
    char *at[MOST_INPUTS + 1], *in[MOST_INPUTS + 1];
    intptr_t by[MOST_INPUTS + 1], length = block_length(r, args, n, steps);
    int out = r->nin;
    memcpy(at, args, sizeof *at * (size_t)(out + 1));
    for (intptr_t m; n > 0; n -= m) {
        m = n < length ? n : length;
        for (int k = 0; k <= out; k++) {
            in[k] = r->cast[k] ? room[k] : at[k];
            by[k] = r->cast[k] ? r->size[k] : steps[k];
            if (k < out && r->cast[k]) convert(r->cast[k], at[k], steps[k], room[k], r->size[k], m);
        }
        r->loop(in, &m, by, r->loop_data);
        if (r->cast[out]) convert(r->cast[out], room[out], r->size[out], at[out], steps[out], m);
        for (int k = 0; k <= out; k++) at[k] += m * steps[k];
    }
}

static void run(char **args, const npy_intp *n, const npy_intp *steps, void *data)
{
    const route *r = data;
    if (is_fold(r, args, steps)) fold(r, args, n[0], steps);
    else if (r->converts) run_converted(r, args, n[0], steps);
    else r->loop(args, n, steps, r->loop_data);
    drop_float_flags();
}

/* ---- which loops a row gets ---- */

#define MOST_LOOPS 32
typedef struct {
    int n;
    rt_dtype in[MOST_LOOPS], out[MOST_LOOPS];
    route routes[MOST_LOOPS];
} loop_list;

static const struct { const char *numpy; rt_reduce_kind kind; } folds[] = {
    {"add", RT_REDUCE_SUM}, {"multiply", RT_REDUCE_PROD}, {"maximum", RT_REDUCE_MAX}, {"minimum", RT_REDUCE_MIN},
};

static const rt_reducer *fold_of(const rt_op *op, rt_dtype compute)
{
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        if (strcmp(op->numpy, folds[i].numpy) != 0) continue;
        const rt_reducer *all = rt_isa_now->reducers[folds[i].kind];
        return all && all[compute].block && all[compute].accumulate == compute ? &all[compute] : NULL;
    }
    return NULL;
}

/* The row at `promoted`, asked for without an exception. */
static int resolve(const rt_op *op, rt_dtype promoted, rt_dtype *compute, rt_dtype *result)
{
    if (rt_op_resolve(op, promoted, compute, result) == 0) return 0;
    PyErr_Clear();
    return -1;
}

static void set_cast(route *r, int k, rt_dtype from, rt_dtype to, rt_dtype loop_dtype)
{
    r->cast[k] = from == to ? NULL : rt_isa_now->casts[from][to];
    r->size[k] = (uint8_t)rt_itemsize(loop_dtype);
    r->converts |= from != to;
}

static int has_loop(const loop_list *list, rt_dtype in)
{
    for (int i = 0; i < list->n; i++) if (list->in[i] == in) return 1;
    return 0;
}

/* Adds "in, in -> out" when the row can compute it. */
static void add_loop(loop_list *list, const rt_op *op, rt_dtype in, rt_dtype out)
{
    rt_dtype compute, result;
    if (list->n == MOST_LOOPS || has_loop(list, in)) return;
    int own = resolve(op, in, &compute, &result) == 0 && result == out
              && (op->logic || rt_dtype_is_inexact(in) || !rt_dtype_is_inexact(compute));
    if (own && compute != in && strcmp(op->numpy, "nextafter") == 0) return;   /* a neighbour in another dtype */
    if (!own && (op->logic || resolve(op, out, &compute, &result) < 0 || result != out)) return;
    if (compute == RT_f16 || compute == RT_bf16) compute = RT_f32;         /* NumPy's reductions then add up in float32 */
    route r = {.loop = op->select ? rt_isa_now->selects[__builtin_ctz((unsigned)rt_itemsize(compute))] : op->loops[compute],
               .loop_data = op->data, .nin = op->nin, .fold = fold_of(op, compute)};
    rt_dtype made = op->logic ? RT_b1 : op->real_result ? rt_dtype_to_real(compute) : compute;
    for (int k = 0; k < op->nin; k++) {
        rt_dtype want = op->select && k == 0 ? RT_b1 : compute;
        set_cast(&r, k, op->select && k == 0 ? RT_b1 : in, want, want);
    }
    set_cast(&r, op->nin, made, out, made);
    list->in[list->n] = in;
    list->out[list->n] = out;
    list->routes[list->n++] = r;
}

static rt_dtype dtype_of_char(char c)
{
    static const char chars[] = "?bBhHiIlLefdFD";
    static const rt_dtype dtypes[] = {RT_b1, RT_i8, RT_u8, RT_i16, RT_u16, RT_i32, RT_u32, RT_i64, RT_u64,
                                      RT_f16, RT_f32, RT_f64, RT_c64, RT_c128};
    const char *at = c ? strchr(chars, c) : NULL;
    return at ? dtypes[at - chars] : RT_NODTYPE;
}

static const char ladder[] = "?bBhHiIlLefdFD";    /* NumPy's order: the first that holds the operands is taken */

/* One entry of NumPy's list, "dd->d"; mixed ones and foreign dtypes are passed over. */
static void add_numpy_type(loop_list *list, const rt_op *op, const char *text)
{
    size_t nin = (size_t)op->nin;
    if (strlen(text) != nin + 3) return;
    for (size_t k = 1; k < nin; k++) if (text[k] != text[0]) return;
    rt_dtype in = dtype_of_char(text[0]), out = dtype_of_char(text[nin + 2]);
    if (in != RT_NODTYPE && out != RT_NODTYPE) add_loop(list, op, in, out);
}

static int follow_numpy(loop_list *list, const rt_op *op, PyObject *ufunc)
{
    if (strcmp(op->numpy, "divide") == 0)         /* NumPy's own resolver sends integers to float64 */
        for (const char *c = ladder; *c != 'e'; c++) add_loop(list, op, dtype_of_char(*c), RT_f64);
    PyObject *types = PyObject_GetAttrString(ufunc, "types");
    for (Py_ssize_t i = 0; types && i < PyList_Size(types); i++) {
        const char *text = PyUnicode_AsUTF8(PyList_GET_ITEM(types, i));
        if (text) add_numpy_type(list, op, text);
    }
    Py_XDECREF(types);
    return types && !PyErr_Occurred() ? 0 : -1;
}

/* The dtypes of the row's own class; where NumPy's list was followed, only floating ones it lacks. */
static void add_own(loop_list *list, const rt_op *op, int floating_only)
{
    for (const char *c = ladder; *c; c++) {
        rt_dtype in = dtype_of_char(*c), compute, result;
        if (floating_only && !rt_dtype_is_inexact(in)) continue;
        if (resolve(op, in, &compute, &result) == 0) add_loop(list, op, in, result);
    }
}

/* ---- making the objects ---- */

/* What NumPy keeps pointers to; never freed. */
typedef struct {
    PyUFuncGenericFunction loops[MOST_LOOPS];
    void *data[MOST_LOOPS];
    char types[MOST_LOOPS * (MOST_INPUTS + 1)];
    route routes[];
} backing;

static backing *lay_down(const loop_list *list, const rt_op *op)
{
    backing *b = PyMem_Calloc(1, sizeof *b + (size_t)list->n * sizeof *b->routes);
    if (!b) {
        PyErr_NoMemory();
        return NULL;
    }
    char *type = b->types;
    for (int i = 0; i < list->n; i++) {
        b->routes[i] = list->routes[i];
        b->loops[i] = (PyUFuncGenericFunction)run;
        b->data[i] = &b->routes[i];
        for (int k = 0; k < op->nin; k++) *type++ = op->select && k == 0 ? NPY_BOOL : rt_dtypes[list->in[i]].npy;
        *type++ = rt_dtypes[list->out[i]].npy;
    }
    return b;
}

/* NumPy's own identity; maximum and minimum have none but may fold in any order. */
static int identity_of(const rt_op *op, PyObject *numpy_ufunc, PyObject **value)
{
    static const char *const reorderable[] = {"maximum", "minimum", "fmax", "fmin"};
    *value = numpy_ufunc ? PyObject_GetAttrString(numpy_ufunc, "identity") : NULL;
    PyErr_Clear();
    if (*value && *value != Py_None) return PyUFunc_IdentityValue;
    for (size_t i = 0; i < sizeof reorderable / sizeof *reorderable; i++)
        if (strcmp(op->numpy, reorderable[i]) == 0) return PyUFunc_ReorderableNone;
    return PyUFunc_None;
}

/* New np.ufunc, or NULL without an exception when no loop fits. */
static PyObject *make(const rt_op *op, PyObject *numpy_ufunc)
{
    loop_list list = {.n = 0};
    PyObject *identity = NULL, *ufunc = NULL;
    if (numpy_ufunc && follow_numpy(&list, op, numpy_ufunc) < 0) return NULL;
    add_own(&list, op, numpy_ufunc != NULL);
    if (list.n == 0) return NULL;
    backing *b = lay_down(&list, op);
    if (!b) return NULL;
    int kind = identity_of(op, numpy_ufunc, &identity);
    ufunc = PyUFunc_FromFuncAndDataAndSignatureAndIdentity(
        b->loops, b->data, b->types, list.n, op->nin, op->nout, kind, *op->numpy ? op->numpy : op->cls.name, op->doc, 0,
        NULL, identity);
    Py_XDECREF(identity);
    if (!ufunc) PyMem_Free(b);
    return ufunc;
}

static int add_row(PyObject *dict, PyObject *numpy, const rt_op *op)
{
    PyObject *numpy_ufunc = *op->numpy ? PyObject_GetAttrString(numpy, op->numpy) : NULL, *ufunc;
    if (!numpy_ufunc) PyErr_Clear();              /* a newer NumPy's */
    else if (!PyObject_TypeCheck(numpy_ufunc, &PyUFunc_Type)) Py_CLEAR(numpy_ufunc);   /* clip: a function */
    ufunc = make(op, numpy_ufunc);
    Py_XDECREF(numpy_ufunc);
    if (!ufunc) return PyErr_Occurred() ? -1 : 0;
    int status = PyDict_SetItemString(dict, op->cls.name, ufunc);
    if (status == 0 && *op->numpy && !PyDict_GetItemString(dict, op->numpy))
        status = PyDict_SetItemString(dict, op->numpy, ufunc);
    if (status == 0) status = rt_binding_add(ufunc, op);
    Py_DECREF(ufunc);
    return status;
}

static PyObject *made;                            /* owned, for good: what ufuncs() gave, or NULL */

static PyObject *ufuncs(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (made) return Py_NewRef(made);
    PyObject *dict = PyDict_New(), *numpy = PyImport_ImportModule("numpy");
    int status = dict && numpy ? 0 : -1;
    for (int i = 0; status == 0 && i < rt_ops_count(); i++)
        if (rt_op_at(i)->family == RT_ELEMENTWISE) status = add_row(dict, numpy, rt_op_at(i));
    Py_XDECREF(numpy);
    if (status < 0) Py_CLEAR(dict);
    made = Py_XNewRef(dict);
    return dict;
}

int rt_ufunc_add(const rt_op *op) { return made && op->family == RT_ELEMENTWISE ? add_row(made, NULL, op) : 0; }

static PyMethodDef methods[] = {
    {"ufuncs", ufuncs, METH_NOARGS, "Every elementwise op as an np.ufunc, by name."},
    {NULL, NULL, 0, NULL},
};

int rt_ufunc_register(PyObject *module)
{
    import_umath1(-1);
    return PyModule_AddFunctions(module, methods);
}
