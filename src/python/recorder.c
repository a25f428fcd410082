/* recorder: the type Recorder, an observer that keeps a record of every event without calling Python: what
 * rustorch.profiler and rustorch.explain are made of.
 *
 *   records   | record | record | ...        in order of ending
 *   words     | worker, start, stop ... | dtype, flags, ndim | d0 | d1 | next operand ...
 *             spans of the pool's workers, and what the operands looked like
 *
 * The GIL guards it.  Floor: python. */
#include "core/error.h"
#include "python/convert.h"
#include "python/observer.h"
#include "python/recorder.h"
#include <stddef.h>
#include <string.h>

enum { MOST_OPERANDS = 32, CONTIGUOUS = 1, SCALAR = 2, ABSENT = 4, GIVEN = 8 };

/* What loops did, without the spans. */
typedef struct { char bytes[offsetof(rt_work, spans)]; } counts;

typedef struct {
    const char *name;                /* borrowed, static; NULL where label says it */
    PyObject *label, *stack;         /* owned, or NULL */
    int64_t start_ns, stop_ns, bytes;
    uint64_t allocations, sequence, words;    /* words: where its spans and operands begin */
    unsigned long thread;
    counts work;
    uint16_t nin, nout, depth, in_op, in_backward;
    uint8_t kind, failed;
} record;

typedef struct {
    PyObject_HEAD
    rt_observer link;
    record *records;                 /* owned */
    int64_t *words;                  /* owned */
    size_t nrecords, room, nwords, words_room, limit;
    uint64_t dropped;                /* events that came after `limit` */
    PyObject *stack;                 /* owned callable, or NULL */
    int shapes, here, active;
} recorder;

static recorder *of_link(rt_observer *link) { return (recorder *)((char *)link - offsetof(recorder, link)); }

static int grow(void **block, size_t *room, size_t wanted, size_t item)
{
    size_t more = *room ? *room : 256;
    if (wanted <= *room) return 0;
    while (more < wanted) more *= 2;
    void *grown = PyMem_RawRealloc(*block, more * item);
    if (!grown) {
        PyErr_NoMemory();
        return -1;
    }
    *block = grown;
    *room = more;
    return 0;
}

/* ---- writing ---- */

static int64_t head(int dtype, int flags, int ndim) { return dtype | flags << 8 | ndim << 16; }

static void put_tensor(recorder *r, const rt_tensor *t, int flags)
{
    r->words[r->nwords++] = head(t->dtype, flags | (rt_tensor_is_contiguous(t) ? CONTIGUOUS : 0), t->ndim);
    for (int d = 0; d < t->ndim; d++) r->words[r->nwords++] = t->shape[d];
}

static void put_operand(recorder *r, const rt_operand *o)
{
    if (o->t) put_tensor(r, o->t, 0);
    else r->words[r->nwords++] = head(o->kind, o->none ? ABSENT : SCALAR, 0);
}

static int put_operands(recorder *r, const rt_event *e, record *to)
{
    const int nin = e->kind == RT_EVENT_NODE ? e->node->nout : e->nin;
    to->nin = (uint16_t)(nin < MOST_OPERANDS ? nin : MOST_OPERANDS);
    to->nout = (uint16_t)(!e->out || e->status < 0 ? 0 : e->nout < MOST_OPERANDS ? e->nout : MOST_OPERANDS);
    if (grow((void **)&r->words, &r->words_room, r->nwords + (size_t)(to->nin + to->nout) * (1 + RT_MAX_NDIM),
             sizeof *r->words) < 0)
        return -1;
    for (int i = 0; i < to->nin; i++) {
        const rt_operand gradient = {.t = e->kind == RT_EVENT_NODE ? e->grads[i] : NULL, .none = 1};
        put_operand(r, e->kind == RT_EVENT_NODE ? &gradient : &e->in[i]);
    }
    for (int i = 0; i < to->nout; i++) {
        const rt_operand absent = {.none = 1};
        if (e->out[i]) put_tensor(r, e->out[i], e->given >> i & 1 ? GIVEN : 0);
        else put_operand(r, &absent);
    }
    return 0;
}

static int put_spans(recorder *r, const rt_work *w)
{
    if (grow((void **)&r->words, &r->words_room, r->nwords + 3 * RT_WORK_SPANS, sizeof *r->words) < 0) return -1;
    for (int k = 0; k < w->nspans; k++) {
        r->words[r->nwords++] = w->spans[k].worker;
        r->words[r->nwords++] = w->spans[k].start_ns;
        r->words[r->nwords++] = w->spans[k].stop_ns;
    }
    return 0;
}

static uint64_t sequence_of(const rt_event *e)
{
    if (e->kind == RT_EVENT_NODE) return e->node->sequence;
    const rt_tensor *first = e->kind == RT_EVENT_OP && e->nout && e->status == 0 ? e->out[0] : NULL;
    return first && first->node ? first->node->sequence : 0;
}

static int end(rt_observer *link, rt_event *e)
{
    recorder *r = of_link(link);
    if (r->nrecords >= r->limit) {
        r->dropped++;
        return 0;
    }
    PyObject *stack = r->stack ? PyObject_CallNoArgs(r->stack) : NULL;
    if (r->stack && !stack) return -1;
    if (grow((void **)&r->records, &r->room, r->nrecords + 1, sizeof *r->records) < 0) {
        Py_XDECREF(stack);
        return -1;
    }
    PyObject *label = Py_XNewRef(e->label);
    if (e->kind == RT_EVENT_NODE && e->node->context && !(label = PyObject_CallMethod((PyObject *)e->node, "name", NULL))) {
        Py_XDECREF(stack);
        return -1;
    }
    record *to = &r->records[r->nrecords];
    *to = (record){.name = label ? NULL : e->name, .label = label, .stack = stack, .start_ns = e->start_ns,
                   .stop_ns = e->stop_ns, .bytes = (int64_t)e->bytes, .allocations = e->allocations,
                   .sequence = sequence_of(e), .words = r->nwords, .thread = e->thread,
                   .depth = (uint16_t)e->depth, .in_op = (uint16_t)e->in_op, .in_backward = (uint16_t)e->in_backward,
                   .kind = (uint8_t)e->kind, .failed = e->status < 0};
    memcpy(&to->work, &e->work, sizeof to->work);
    r->nrecords++;
    if (e->work.nspans && put_spans(r, &e->work) < 0) return -1;
    return r->shapes ? put_operands(r, e, to) : 0;
}

static void gone(rt_observer *link) { Py_DECREF(of_link(link)); }

/* ---- reading ---- */

static PyObject *operand_object(const int64_t **at)
{
    const int64_t h = *(*at)++;
    const int dtype = (int)(h & 0xff), flags = (int)(h >> 8 & 0xff), ndim = (int)(h >> 16);
    static const char *const kinds[] = {[RT_KIND_BOOL] = "bool", [RT_KIND_UNSIGNED] = "int", [RT_KIND_SIGNED] = "int",
                                        [RT_KIND_FLOAT] = "float", [RT_KIND_COMPLEX] = "complex"};
    if (flags & ABSENT) Py_RETURN_NONE;
    if (flags & SCALAR) return PyUnicode_FromString(kinds[dtype]);
    PyObject *shape = PyTuple_New(ndim);
    for (int d = 0; shape && d < ndim; d++) {
        PyObject *n = PyLong_FromLongLong(*(*at)++);
        if (n) PyTuple_SET_ITEM(shape, d, n);
        else Py_CLEAR(shape);
    }
    if (!shape) return NULL;
    return Py_BuildValue("(sNOO)", rt_dtypes[dtype].name, shape, flags & CONTIGUOUS ? Py_True : Py_False,
                         flags & GIVEN ? Py_True : Py_False);
}

static PyObject *operand_tuple(const recorder *r, int n, const int64_t **at)
{
    PyObject *t = PyTuple_New(r->shapes ? n : 0);
    for (int i = 0; t && i < PyTuple_GET_SIZE(t); i++) {
        PyObject *o = operand_object(at);
        if (o) PyTuple_SET_ITEM(t, i, o);
        else Py_CLEAR(t);
    }
    return t;
}

/* ((worker, start_ns, stop_ns), ...) */
static PyObject *span_tuple(int n, const int64_t **at)
{
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++, *at += 3) {
        PyObject *o = Py_BuildValue("(iLL)", (int)(*at)[0], (long long)(*at)[1], (long long)(*at)[2]);
        if (o) PyTuple_SET_ITEM(t, i, o);
        else Py_CLEAR(t);
    }
    return t;
}

static PyObject *work_object(const counts *from, const int64_t **at)
{
    rt_work all, *const w = &all;
    memcpy(w, from, sizeof *from);
    return Py_BuildValue("{sIsIsKsKsKsKsKsisOsOsN}", "loops", w->loops, "products", w->products, "elements", w->elements, "rows",
                         w->rows, "jumping", w->jumping,
                         "converted", w->converted, "moved", w->moved, "threads", (int)w->threads, "busy",
                         w->busy ? Py_True : Py_False, "unlocked", w->unlocked ? Py_True : Py_False, "spans",
                         span_tuple(w->nspans, at));
}

static PyObject *record_object(const recorder *r, const record *e)
{
    const int64_t *at = r->words + e->words;
    PyObject *work = work_object(&e->work, &at), *in = work ? operand_tuple(r, e->nin, &at) : NULL, *out = in ? operand_tuple(r, e->nout, &at) : NULL;
    PyObject *name = e->name ? PyUnicode_FromString(e->name) : Py_NewRef(e->label);
    PyObject *o = NULL;
    if (in && out && name && work)
        o = Py_BuildValue("(sOOOLLLKKkiiiOOO)", rt_event_kind_name((rt_event_kind)e->kind), name, in, out,
                          (long long)e->start_ns, (long long)e->stop_ns, (long long)e->bytes, (unsigned long long)e->allocations, (unsigned long long)e->sequence, e->thread,
                          (int)e->depth, (int)e->in_op, (int)e->in_backward, e->failed ? Py_True : Py_False, work,
                          e->stack ? e->stack : Py_None);
    Py_XDECREF(in);
    Py_XDECREF(out);
    Py_XDECREF(name);
    Py_XDECREF(work);
    return o;
}

static PyObject *recorder_records(PyObject *self, PyObject *unused)
{
    recorder *r = (recorder *)self;
    PyObject *list = PyList_New(0);
    (void)unused;
    for (size_t k = 0; list && k < r->nrecords; k++) {        /* making objects may run others, who add records */
        const record e = r->records[k];
        PyObject *o = record_object(r, &e);
        if (!o || PyList_Append(list, o) < 0) Py_CLEAR(list);
        Py_XDECREF(o);
    }
    return list;
}

static void drop_records(recorder *r)
{
    const size_t n = r->nrecords;
    record *records = r->records;
    int64_t *words = r->words;
    r->records = NULL;
    r->words = NULL;
    r->nrecords = r->room = r->nwords = r->words_room = 0;
    r->dropped = 0;
    for (size_t k = 0; k < n; k++) {
        Py_XDECREF(records[k].label);
        Py_XDECREF(records[k].stack);
    }
    PyMem_RawFree(records);
    PyMem_RawFree(words);
}

static PyObject *recorder_clear_records(PyObject *self, PyObject *unused)
{
    (void)unused;
    drop_records((recorder *)self);
    Py_RETURN_NONE;
}

/* ---- the type ---- */

static PyObject *recorder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"limit", "shapes", "stack", "all_threads", NULL};
    Py_ssize_t limit = 1 << 22;
    int shapes = 1, everywhere = 1;
    PyObject *stack = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$npOp:Recorder", words, &limit, &shapes, &stack, &everywhere)) return NULL;
    if (limit < 0) return PyErr_Format(PyExc_ValueError, "Recorder: limit must not be negative, not %zd", limit);
    if (stack != Py_None && !PyCallable_Check(stack))
        return PyErr_Format(PyExc_TypeError, "Recorder: stack must be callable or None, not %s", Py_TYPE(stack)->tp_name);
    recorder *r = (recorder *)type->tp_alloc(type, 0);
    if (!r) return NULL;
    r->link = (rt_observer){.end = end, .gone = gone, .kinds = ~0u};
    r->limit = (size_t)limit;
    r->shapes = shapes;
    r->here = !everywhere;
    r->stack = stack == Py_None ? NULL : Py_NewRef(stack);
    return (PyObject *)r;
}

static PyObject *recorder_start(PyObject *self, PyObject *unused)
{
    recorder *r = (recorder *)self;
    (void)unused;
    if (r->active || r->link.removed) {
        PyErr_SetString(PyExc_RuntimeError, "Recorder: start it once only");
        return NULL;
    }
    r->active = 1;
    r->link.thread = r->here ? PyThread_get_thread_ident() : 0;
    Py_INCREF(self);
    rt_observer_add(&r->link);
    Py_RETURN_NONE;
}

static PyObject *recorder_stop(PyObject *self, PyObject *unused)
{
    recorder *r = (recorder *)self;
    (void)unused;
    if (r->active) {
        r->active = 0;
        rt_observer_remove(&r->link);
    }
    Py_RETURN_NONE;
}

static PyObject *recorder_dropped(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((recorder *)self)->dropped);
}

static Py_ssize_t recorder_length(PyObject *self) { return (Py_ssize_t)((recorder *)self)->nrecords; }

static int recorder_traverse(PyObject *self, visitproc visit, void *arg)
{
    recorder *r = (recorder *)self;
    Py_VISIT(r->stack);
    for (size_t k = 0; k < r->nrecords; k++) {
        Py_VISIT(r->records[k].label);
        Py_VISIT(r->records[k].stack);
    }
    return 0;
}

static int recorder_clear(PyObject *self)
{
    Py_CLEAR(((recorder *)self)->stack);
    drop_records((recorder *)self);
    return 0;
}

static void recorder_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    recorder_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
    {"start", recorder_start, METH_NOARGS, "Begins; only once."},
    {"stop", recorder_stop, METH_NOARGS, "Ends; nothing when it has not begun."},
    {"records", recorder_records, METH_NOARGS,
     "records() -> list of tuples (kind, name, inputs, outputs, start_ns, stop_ns, bytes, allocations, sequence, thread,\n"
     "depth, in_op, in_backward, failed, work, stack), in order of ending.  An input is (dtype, shape, contiguous, given),\n"
     "the kind of a number, or None."},
    {"clear", recorder_clear_records, METH_NOARGS, "Forgets what it has recorded."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef getset[] = {
    {"dropped", recorder_dropped, NULL, "Events that found no room.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PySequenceMethods as_sequence = {.sq_length = recorder_length};

static PyTypeObject recorder_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Recorder",
    .tp_basicsize = sizeof(recorder),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Recorder(*, limit=2**22, shapes=True, stack=None, all_threads=True)\n\n"
              "Keeps a record of every event from start() to stop(), at most `limit`; stack() is called for each and kept.",
    .tp_new = recorder_new,
    .tp_dealloc = recorder_dealloc,
    .tp_traverse = recorder_traverse,
    .tp_clear = recorder_clear,
    .tp_as_sequence = &as_sequence,
    .tp_methods = methods,
    .tp_getset = getset,
};

int rt_recorder_init(PyObject *module)
{
    if (PyType_Ready(&recorder_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Recorder", (PyObject *)&recorder_type);
}
