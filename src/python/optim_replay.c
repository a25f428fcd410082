/* optim_replay: the type Update(optimizer, group), a callable: optimizer._update(group).  It keeps what the last call
 * handed to its row, options as numbers and tensors, and hands the same again while the dictionaries that these came
 * from (the group, the states) are unchanged and all parameters have gradients.  Floor: python. */
#include "python/optim_replay.h"
#include <stddef.h>
#include <string.h>
#include "python/optim_step.h"
#include "python/watch.h"
#include "ufunc/apply.h"

enum { LONGEST_WAIT = 64 };

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *optimizer, *group;   /* owned */
    rt_update_note note;           /* in: NULL when nothing is kept */
    rt_watch *watches;             /* of the group, the states, and each state; owned */
    int nwatches, busy;            /* busy: a call is using the note */
    int wait, pause;               /* calls before noting again; how many that will be: more where options always change */
} update;

static PyTypeObject update_type;
static PyObject *name_state, *name_update;           /* owned, interned */

static void forget(update *u)
{
    for (int i = 0; i < u->nwatches; i++) rt_watch_clear(&u->watches[i]);
    PyMem_Free(u->watches);
    u->watches = NULL;
    u->nwatches = 0;
    rt_update_note_clear(&u->note);
}

/* Can an option not change while it is the same object? */
static int is_fixed(PyObject *value)
{
    if (PyTuple_CheckExact(value)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
            if (!is_fixed(PyTuple_GET_ITEM(value, i))) return 0;
        return 1;
    }
    return value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value) || PyFloat_Check(value)
        || PyUnicode_CheckExact(value);
}

static int has_fixed_options(const update *u)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(u->group, &at, &key, &value)) {
        if (value == u->note.params || is_fixed(value)) continue;
        if (!PyUnicode_Check(key) || PyUnicode_CompareWithASCIIString(key, "param_names") != 0) return 0;
    }
    return 1;
}

static int watch(update *u, PyObject *dict)
{
    return rt_watch_take(&u->watches[u->nwatches++], RT_WATCH_DICT, dict, NULL);
}

/* Keeps the note, when it is one that the dictionaries decide. */
static void keep(update *u, const rt_update_note *note)
{
    int status = 0;
    u->note = *note;
    if (!u->note.in || !has_fixed_options(u)) goto drop;
    u->watches = PyMem_Calloc((size_t)u->note.n + 2, sizeof *u->watches);
    if (!u->watches || watch(u, u->group) < 0) goto drop;
    if (u->note.lists > 2) status = watch(u, u->note.state);
    for (int i = 0; i < u->note.n && u->note.lists > 2 && status == 0; i++) {
        PyObject *own = PyDict_GetItemWithError(u->note.state, (PyObject *)u->note.in[i].t);
        status = own && PyDict_Check(own) ? watch(u, own) : -1;
    }
    if (status == 0) return;
drop:
    PyErr_Clear();
    forget(u);
}

/* Would optimizer._update hand the same to its row? */
static int holds(update *u)
{
    const rt_update_note *k = &u->note;
    PyObject *state = PyObject_GetAttr(u->optimizer, name_state);
    const int is_same = state == k->state;
    if (!state) PyErr_Clear();
    Py_XDECREF(state);
    if (!is_same || PyList_GET_SIZE(k->params) != k->n) return 0;
    for (int i = 0; i < k->n; i++) {
        const rt_tensor *p = k->in[i].t;
        if (PyList_GET_ITEM(k->params, i) != (PyObject *)p || !p->grad) return 0;
    }
    for (int i = 0; i < u->nwatches; i++)
        if (!rt_watch_holds(&u->watches[i])) return 0;
    return 1;
}

static int run_again(update *u)
{
    rt_update_note *k = &u->note;
    rt_tensor *none[1] = {NULL};
    rt_params numbers;
    memcpy(&numbers, &k->numbers, offsetof(rt_params, list));
    for (int i = 0; i < k->n; i++) k->in[k->n + i].t = (rt_tensor *)Py_NewRef((PyObject *)k->in[i].t->grad);
    const int status = rt_op_apply(k->op, k->n * k->lists, k->in, &numbers, none);
    for (int i = 0; i < k->n; i++) Py_CLEAR(k->in[k->n + i].t);
    return status;
}

static int run_noting(update *u)
{
    rt_update_note note = {0}, *outer = rt_update_listener;
    const int noting = !u->busy && u->wait == 0;
    if (!u->busy && u->wait > 0) u->wait--;
    rt_update_listener = noting ? &note : NULL;
    PyObject *result = PyObject_CallMethodOneArg(u->optimizer, name_update, u->group);
    rt_update_listener = outer;
    if (result && noting && !u->busy && !u->note.in) keep(u, &note);
    else rt_update_note_clear(&note);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    update *u = (update *)self;
    int status;
    (void)args;
    if (PyVectorcall_NARGS(nargsf) || kwnames) return PyErr_Format(PyExc_TypeError, "Update: called without arguments");
    Py_INCREF(self);
    if (!u->busy && u->note.in && !holds(u)) {
        forget(u);
        u->wait = u->pause;
        u->pause = u->pause ? (2 * u->pause < LONGEST_WAIT ? 2 * u->pause : LONGEST_WAIT) : 1;
    }
    if (u->busy || !u->note.in) {
        status = run_noting(u);
    } else {
        u->pause = 0;
        u->busy = 1;
        status = run_again(u);
        u->busy = 0;
    }
    Py_DECREF(self);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *update_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *optimizer, *group;
    if (kwargs && PyDict_GET_SIZE(kwargs)) return PyErr_Format(PyExc_TypeError, "Update: takes no keywords");
    if (!PyArg_ParseTuple(args, "OO!:Update", &optimizer, &PyDict_Type, &group)) return NULL;
    update *u = (update *)type->tp_alloc(type, 0);
    if (!u) return NULL;
    u->call = call;
    u->optimizer = Py_NewRef(optimizer);
    u->group = Py_NewRef(group);
    return (PyObject *)u;
}

static int update_traverse(PyObject *self, visitproc visit, void *arg)
{
    const update *u = (const update *)self;
    Py_VISIT(u->optimizer);
    Py_VISIT(u->group);
    Py_VISIT(u->note.params);
    Py_VISIT(u->note.state);
    for (int i = 0; u->note.in && !u->busy && i < u->note.n * u->note.lists; i++) Py_VISIT(u->note.in[i].t);
    for (int i = 0; i < u->nwatches; i++) {
        const int status = rt_watch_traverse(&u->watches[i], visit, arg);
        if (status) return status;
    }
    return 0;
}

static int update_clear(PyObject *self)
{
    update *u = (update *)self;
    Py_CLEAR(u->optimizer);
    Py_CLEAR(u->group);
    forget(u);
    return 0;
}

static void update_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    update_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject update_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Update",
    .tp_basicsize = sizeof(update),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Update(optimizer, group): calls optimizer._update(group), or makes the same step without it.",
    .tp_new = update_new,
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = update_dealloc,
    .tp_traverse = update_traverse,
    .tp_clear = update_clear,
    .tp_vectorcall_offset = offsetof(update, call),
};

int rt_optim_replay_init(PyObject *module)
{
    name_state = PyUnicode_InternFromString("state");
    name_update = PyUnicode_InternFromString("_update");
    if (!name_state || !name_update || PyType_Ready(&update_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Update", (PyObject *)&update_type);
}
