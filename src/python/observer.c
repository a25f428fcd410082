/* observer: the types Observer, callables that are told of events, and Range, a named part of a program that is
 * an event itself.  An Observer in the list holds a reference to itself.  Floor: python. */
#include "python/observer.h"
#include "ufunc/finite.h"
#include <string.h>

/* ---- Observer ---- */

typedef struct {
    PyObject_HEAD
    rt_observer link;
    PyObject *before, *after;        /* owned, or NULL */
    int here;                        /* only the thread that starts it */
    int nonfinite;                   /* told only of NaN and infinity: 1: where it comes up; 2: wherever it is */
    int active;
} observer;

static observer *of_link(rt_observer *link) { return (observer *)((char *)link - offsetof(observer, link)); }

static int call(PyObject *callback, rt_event *e, int ended)
{
    if (!callback) return 0;
    Py_INCREF(callback);
    PyObject *event = rt_event_object(e, ended), *result = event ? PyObject_CallOneArg(callback, event) : NULL;
    Py_XDECREF(event);
    Py_DECREF(callback);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Is any input of the event NaN or infinite (0: none)?  -1 with an exception. */
static int is_tainted(const rt_event *e)
{
    int finite = 1;
    for (int i = 0; i < e->nin && finite > 0; i++) finite = rt_operand_is_finite(&e->in[i]);
    for (int i = 0; e->kind == RT_EVENT_NODE && i < e->node->nout && finite > 0; i++)
        if (e->grads[i]) finite = rt_tensor_is_finite(e->grads[i]);
    return finite < 0 ? -1 : !finite;
}

static int is_update(const rt_event *e) { return e->kind == RT_EVENT_OP && e->op->family == RT_UPDATE; }

/* What is overwritten is looked at before. */
static int begin_nonfinite(rt_observer *link, rt_event *e)
{
    if (e->in_op || of_link(link)->nonfinite > 1 || (!e->given && !is_update(e))) return 0;
    e->tainted = is_tainted(e);
    return e->tainted < 0 ? -1 : 0;
}

/* Results that the caller gets: hidden ones are the row's own affair. */
static int public_outputs(const rt_event *e)
{
    const char *arrow = e->op ? strstr(e->op->signature, "->") : NULL;
    return arrow ? atoi(arrow + 2) : e->nout;
}

/* Only the outermost ops and nodes count: the parts of a composition may be infinite where its result is not. */
static int end_nonfinite(rt_observer *link, rt_event *e)
{
    int finite = 1;
    if (e->in_op || e->status < 0 || e->tainted) return 0;
    for (int i = 0; i < public_outputs(e) && finite > 0; i++)
        if (e->out[i]) finite = rt_tensor_is_finite(e->out[i]);
    for (int i = 0; is_update(e) && i < e->nin && finite > 0; i++) finite = rt_operand_is_finite(&e->in[i]);
    if (finite) return finite < 0 ? -1 : 0;
    if (!e->given && !is_update(e) && of_link(link)->nonfinite == 1) e->tainted = is_tainted(e);
    return e->tainted < 0 ? -1 : e->tainted ? 0 : call(of_link(link)->after, e, 1);
}

static int begin(rt_observer *link, rt_event *e) { return call(of_link(link)->before, e, 0); }
static int end(rt_observer *link, rt_event *e) { return call(of_link(link)->after, e, 1); }
static void gone(rt_observer *link) { Py_DECREF(of_link(link)); }

static int read_kinds(PyObject *kinds, unsigned *out)
{
    static const struct { const char *name; unsigned kind; } names[] = {
        {"op", RT_EVENT_OP}, {"node", RT_EVENT_NODE}, {"backward", RT_EVENT_BACKWARD}, {"module", RT_EVENT_MODULE},
        {"range", RT_EVENT_RANGE}, {"numpy", RT_EVENT_NUMPY},
    };
    PyObject *list = PySequence_Tuple(kinds);
    *out = 0;
    for (Py_ssize_t i = 0; list && i < PyTuple_GET_SIZE(list); i++) {
        PyObject *item = PyTuple_GET_ITEM(list, i);
        unsigned found = 0;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (PyUnicode_Check(item) && PyUnicode_CompareWithASCIIString(item, names[k].name) == 0) found = names[k].kind;
        *out |= found;
        if (found) continue;
        PyErr_Format(PyExc_ValueError, "Observer: kinds must be of op, node, backward, module, range, numpy, not %R", item);
        Py_CLEAR(list);
    }
    Py_XDECREF(list);
    return list ? 0 : -1;
}

static int read_callback(PyObject *o, PyObject **to)
{
    if (!o || o == Py_None) return 0;
    if (!PyCallable_Check(o)) {
        PyErr_Format(PyExc_TypeError, "Observer: before and after must be callable or None, not %s", Py_TYPE(o)->tp_name);
        return -1;
    }
    *to = Py_NewRef(o);
    return 0;
}

static PyObject *observer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"before", "after", "kinds", "all_threads", "nonfinite", NULL};
    PyObject *before = NULL, *after = NULL, *kinds = NULL;
    int everywhere = 0, nonfinite = 0;
    unsigned mask = RT_EVENT_OP;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOpi:Observer", words, &before, &after, &kinds, &everywhere, &nonfinite))
        return NULL;
    if (kinds && read_kinds(kinds, &mask) < 0) return NULL;
    observer *o = (observer *)type->tp_alloc(type, 0);
    if (!o) return NULL;
    o->here = !everywhere;
    o->nonfinite = nonfinite;
    o->link = (rt_observer){.begin = begin, .end = end, .gone = gone, .kinds = mask};
    if (read_callback(before, &o->before) < 0 || read_callback(after, &o->after) < 0) Py_CLEAR(o);
    else if (!o->before) o->link.begin = NULL;
    if (o && !o->after) o->link.end = NULL;
    if (o && nonfinite) {
        o->link.begin = begin_nonfinite;
        o->link.end = end_nonfinite;
        o->link.kinds = RT_EVENT_OP | RT_EVENT_NODE;
    }
    return (PyObject *)o;
}

static PyObject *observer_start(PyObject *self, PyObject *unused)
{
    observer *o = (observer *)self;
    (void)unused;
    if (o->active || o->link.removed) {
        PyErr_SetString(PyExc_RuntimeError, "Observer: start it once only");
        return NULL;
    }
    o->active = 1;
    o->link.thread = o->here ? PyThread_get_thread_ident() : 0;
    Py_INCREF(self);
    rt_observer_add(&o->link);
    return Py_NewRef(self);
}

static PyObject *observer_stop(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    observer *o = (observer *)self;
    (void)args, (void)n;
    if (o->active) {
        o->active = 0;
        rt_observer_remove(&o->link);
    }
    Py_RETURN_NONE;
}

static int observer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((observer *)self)->before);
    Py_VISIT(((observer *)self)->after);
    return 0;
}

static int observer_clear(PyObject *self)
{
    Py_CLEAR(((observer *)self)->before);
    Py_CLEAR(((observer *)self)->after);
    return 0;
}

static void observer_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    observer_clear(self);
    Py_TYPE(self)->tp_free(self);
}

#define FAST(f) (PyCFunction)(void (*)(void))f, METH_FASTCALL
static PyMethodDef observer_methods[] = {
    {"start", observer_start, METH_NOARGS, "Begins; only once.  Returns itself."},
    {"stop", FAST(observer_stop), "stop()\n\nEnds; nothing when it has not begun."},
    {"__enter__", observer_start, METH_NOARGS, NULL},
    {"__exit__", FAST(observer_stop), NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject observer_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Observer",
    .tp_basicsize = sizeof(observer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Observer(*, before=None, after=None, kinds=('op',), all_threads=False, nonfinite=0)\n\n"
              "before(event) and after(event) are called for each op (or other kind of event) of this thread, or of all,\n"
              "from start() to stop() or within a with block.  What they compute is not observed; what they raise fails the op.\n"
              "nonfinite 1: after(event) only for ops and nodes, in no other, that give NaN or infinity where no input had it;\n"
              "2: also where an input had it.",
    .tp_new = observer_new,
    .tp_dealloc = observer_dealloc,
    .tp_traverse = observer_traverse,
    .tp_clear = observer_clear,
    .tp_methods = observer_methods,
};

/* ---- Range ---- */

typedef struct {
    PyObject_HEAD
    rt_event event;
    PyObject *label;                 /* owned */
    rt_event_kind kind;
    int open;
} range;

static PyObject *range_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *label;
    int numpy = 0;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "U|p:Range", &label, &numpy)) return NULL;
    range *r = (range *)type->tp_alloc(type, 0);
    if (!r) return NULL;
    r->label = Py_NewRef(label);
    r->kind = numpy ? RT_EVENT_NUMPY : RT_EVENT_RANGE;
    return (PyObject *)r;
}

static PyObject *range_enter(PyObject *self, PyObject *unused)
{
    range *r = (range *)self;
    (void)unused;
    if (r->open) return PyErr_Format(PyExc_RuntimeError, "Range %R: it is open already", r->label);
    if (rt_observers && !rt_event_is_told()) {
        r->event = (rt_event){.kind = r->kind, .label = r->label};
        if (rt_event_begin(&r->event) < 0) return NULL;
        r->open = 1;
    }
    return Py_NewRef(self);
}

static PyObject *range_exit(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    range *r = (range *)self;
    if (r->open) {
        r->open = 0;
        const int failed = n > 0 && args[0] != Py_None;
        if (rt_event_end(&r->event, failed ? -1 : 0) < 0 && PyErr_Occurred()) return NULL;
    }
    Py_RETURN_NONE;
}

static void range_dealloc(PyObject *self)
{
    Py_XDECREF(((range *)self)->label);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef range_methods[] = {
    {"__enter__", range_enter, METH_NOARGS, NULL},
    {"__exit__", FAST(range_exit), NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject range_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Range",
    .tp_basicsize = sizeof(range),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Range(name, numpy=False): a with block that is an event for observers, of kind range or numpy.  Without observers it does\n"
              "nothing.",
    .tp_new = range_new,
    .tp_dealloc = range_dealloc,
    .tp_methods = range_methods,
};

int rt_observer_init(PyObject *module)
{
    if (rt_event_init(module) < 0 || PyType_Ready(&observer_type) < 0 || PyType_Ready(&range_type) < 0) return -1;
    if (PyModule_AddObjectRef(module, "Observer", (PyObject *)&observer_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Range", (PyObject *)&range_type);
}
