/* tracer: the type Tracer, an observer that writes down what one thread computes as a program.  It numbers the tensors
 * it meets: those of the arguments, those that ops make, and others, which were captured and which Python code must
 * account for.  What it cannot write down ends the recording, with a reason; the call itself goes on.  Floor: python. */
#include "autograd/engine.h"
#include "python/convert.h"
#include "python/script.h"
#include "ufunc/observe.h"
#include <stddef.h>
#include <string.h>

enum { ARGUMENT, CAPTURED, MADE, GRADIENT, MOST_PASSES = 8 };

typedef struct {
    PyObject_HEAD
    rt_observer link;
    rt_recording *recording;       /* owned, until finish */
    PyObject *numbers;             /* owned: address -> number */
    PyObject *tensors;             /* owned: list by number: nobody takes an address meanwhile */
    PyObject *reason;              /* owned, or NULL: it goes well */
    struct known { uint8_t origin, alone; uint32_t version; } *known;    /* owned, by number; when first met: was
                                                      nothing else on its storage; its version */
    int room, active, opaque;      /* calls of which only the call is written down */
    int has_constants;
    uint64_t reads;
    int pending;                   /* an op has begun: its arguments lie here */
    size_t params_bytes;
    rt_params params;
} tracer;

static RT_THREAD_LOCAL tracer *tracing;        /* borrowed: the one that runs in this thread */

int rt_tracer_is_on(void) { return tracing != NULL; }

static const char value_was_read[] = "a value was read or a tensor made of Python's numbers: bool(), item(), tensor([...]) ...";

static void fail(tracer *t, const char *reason)
{
    PyErr_Clear();
    if (!t->reason) t->reason = PyUnicode_FromString(reason);
    if (!t->reason) {
        PyErr_Clear();
        t->reason = Py_NewRef(Py_None);
    }
}

static void fail_op(tracer *t, const rt_event *e, const char *why)
{
    char text[200];
    snprintf(text, sizeof text, "%s: %s", e->name ? e->name : "?", why);
    fail(t, text);
}

/* ---- numbers ---- */

/* A number for o, also when it has one already; -1 with an exception. */
static int number_anew(tracer *t, rt_tensor *o, int origin)
{
    const Py_ssize_t n = PyList_GET_SIZE(t->tensors);
    PyObject *key = PyLong_FromVoidPtr(o), *value = PyLong_FromSsize_t(n);
    int status = key && value ? PyDict_SetItem(t->numbers, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    if (status == 0 && n >= t->room) {
        struct known *grown = PyMem_Realloc(t->known, (size_t)(2 * n + 16) * sizeof *grown);
        if (grown) {
            t->known = grown;
            t->room = 2 * (int)n + 16;
        } else {
            PyErr_NoMemory();
            status = -1;
        }
    }
    if (status < 0 || PyList_Append(t->tensors, (PyObject *)o) < 0) return -1;
    t->known[n] = (struct known){(uint8_t)origin, o->storage->refs == 1, o->storage->version};
    return (int)n;
}

/* -1 also without an exception: it has none. */
static int number_of(tracer *t, const rt_tensor *o)
{
    PyObject *key = PyLong_FromVoidPtr((void *)o), *value = key ? PyDict_GetItemWithError(t->numbers, key) : NULL;
    Py_XDECREF(key);
    return value ? (int)PyLong_AsLong(value) : -1;
}

static int number_input(tracer *t, rt_tensor *o)
{
    const int n = number_of(t, o);
    if (n >= 0 && t->known[n].origin == GRADIENT) fail(t, "x.grad is read after backward()");
    return n >= 0 || PyErr_Occurred() ? n : number_anew(t, o, CAPTURED);
}

/* What a pass has left in leaves is no op's result, and another tensor in each call. */
static int number_gradients(tracer *t)
{
    for (Py_ssize_t i = PyList_GET_SIZE(t->tensors) - 1; i >= 0; i--) {
        rt_tensor *g = ((rt_tensor *)PyList_GET_ITEM(t->tensors, i))->grad;
        if (g && number_of(t, g) < 0 && (PyErr_Occurred() || number_anew(t, g, GRADIENT) < 0)) return -1;
    }
    return 0;
}

static int is_plain(const rt_tensor *o) { return !rt_array_check((PyObject *)o) && o->storage->device.type == RT_CPU; }

static int number_argument(void *context, rt_tensor *o, int *seen)
{
    tracer *t = context;
    const int n = number_of(t, o);
    if (n >= 0 || PyErr_Occurred()) {
        *seen = n >= 0;
        return n;
    }
    return is_plain(o) ? number_anew(t, o, ARGUMENT) : -1;
}

static int number_result(void *context, rt_tensor *o, int *seen)
{
    (void)seen;
    const int n = number_of(context, o);
    return n >= 0 && ((tracer *)context)->known[n].origin == GRADIENT ? -1 : n;
}

/* ---- events ---- */

static int is_outer(const tracer *t, const rt_event *e) { return !t->reason && !t->opaque && !e->in_op && !e->in_backward; }

static int begin(rt_observer *link, rt_event *e)
{
    tracer *t = (tracer *)((char *)link - offsetof(tracer, link));
    if (!is_outer(t, e)) return 0;
    if (e->kind != RT_EVENT_OP) {
        if (e->kind == RT_EVENT_NUMPY) fail(t, "NumPy's own code runs on a tensor's memory");
        return 0;
    }
    t->pending = 1;
    t->params_bytes = 0;
    for (int i = 0; i < e->nin; i++)                 /* met before they may be written to */
        if (e->in[i].t && number_input(t, e->in[i].t) < 0) fail(t, "out of memory");
    for (int k = 0; k < e->nout; k++)
        if ((e->given >> k & 1) && number_input(t, e->out[k]) < 0) fail(t, "out of memory");
    if (!e->params) return 0;
    int used = 0;
    for (int k = 0; k < 4; k++) used += e->params->n[k] > 0 ? e->params->n[k] : 0;
    if (used < e->params->nlist) used = e->params->nlist;
    t->params_bytes = offsetof(rt_params, list) + (size_t)used * sizeof(intptr_t);
    memcpy(&t->params, e->params, t->params_bytes);
    return 0;
}

static int write_inputs(tracer *t, rt_step *s, const rt_event *e)
{
    for (int i = 0; i < e->nin; i++) {
        s->in[i] = e->in[i];
        s->in[i].t = NULL;
        s->slots[i] = -1;
        if (e->in[i].t) {
            if (!is_plain(e->in[i].t)) {
                fail_op(t, e, "an array of NumPy's dialect, or a tensor of another device");
                return 0;
            }
            if ((s->slots[i] = number_input(t, e->in[i].t)) < 0) return -1;
        }
    }
    return 0;
}

static int write_op(tracer *t, const rt_event *e)
{
    rt_step *s = rt_program_add(&t->recording->program, RT_STEP_OP, e->nin, e->nout);
    if (!s) return -1;
    s->op = e->op;
    s->given = e->given;
    if (t->params_bytes) {
        if (!(s->params = PyMem_Malloc(t->params_bytes))) return -1;
        memcpy(s->params, &t->params, t->params_bytes);
        s->params_bytes = t->params_bytes;
    }
    if (write_inputs(t, s, e) < 0) return -1;
    for (int k = 0; k < e->nout; k++) {
        int *slot = &s->slots[e->nin + k];
        *slot = -1;
        if (!e->out[k]) continue;
        *slot = e->given >> k & 1 ? number_input(t, e->out[k]) : number_anew(t, e->out[k], MADE);
        if (*slot < 0) return -1;
    }
    return 0;
}

static int write_backward(tracer *t, const rt_event *e)
{
    const rt_backward_call *c = e->pass;
    if (c->ninputs || c->captured || c->create_graph || c->n > MOST_PASSES) {
        fail(t, "autograd.grad, backward(inputs=...) and create_graph=True are not recorded");
        return 0;
    }
    rt_step *s = rt_program_add(&t->recording->program, RT_STEP_BACKWARD, 2 * c->n, 0);
    if (!s) return -1;
    s->retain = (uint8_t)(c->retain_graph != 0);
    for (int k = 0; k < c->n; k++) {
        rt_tensor *g = c->grads ? c->grads[k] : NULL;
        s->slots[k] = number_input(t, c->outputs[k]);
        s->slots[c->n + k] = g ? number_input(t, g) : -1;
        if (s->slots[k] < 0 || (g && s->slots[c->n + k] < 0)) return -1;
    }
    return number_gradients(t);
}

static int end(rt_observer *link, rt_event *e)
{
    tracer *t = (tracer *)((char *)link - offsetof(tracer, link));
    if (!is_outer(t, e)) return 0;
    if (e->status < 0) fail_op(t, e, "it raised");
    else if (e->kind == RT_EVENT_BACKWARD ? write_backward(t, e) < 0
                                          : e->kind == RT_EVENT_OP && t->pending && write_op(t, e) < 0)
        fail(t, "out of memory");
    t->pending = 0;
    return 0;
}

void rt_tracer_note_detach(rt_tensor *of, rt_tensor *made)
{
    tracer *t = tracing;
    if (!t || t->reason || t->opaque) return;
    rt_step *s = rt_program_add(&t->recording->program, RT_STEP_DETACH, 1, 1);
    if (!s || (s->slots[0] = number_input(t, of)) < 0 || (s->slots[1] = number_anew(t, made, MADE)) < 0)
        fail(t, "out of memory");
}

/* ---- methods ---- */

static PyObject *tracer_start(PyObject *self, PyObject *unused)
{
    tracer *t = (tracer *)self;
    (void)unused;
    if (t->active || t->link.removed || tracing) {
        PyErr_SetString(PyExc_RuntimeError, "Tracer: it has run, or another one runs");
        return NULL;
    }
    t->active = 1;
    tracing = t;
    t->reads = rt_convert_reads;
    t->link.thread = PyThread_get_thread_ident();
    Py_INCREF(self);
    rt_observer_add(&t->link);
    Py_RETURN_NONE;
}

static PyObject *tracer_stop(PyObject *self, PyObject *unused)
{
    tracer *t = (tracer *)self;
    (void)unused;
    if (t->active) {
        t->active = 0;
        tracing = NULL;
        if (rt_convert_reads != t->reads) fail(t, value_was_read);
        rt_observer_remove(&t->link);
    }
    Py_RETURN_NONE;
}

static void gone(rt_observer *link) { Py_DECREF((PyObject *)((char *)link - offsetof(tracer, link))); }

static PyObject *tracer_fail(PyObject *self, PyObject *reason)
{
    tracer *t = (tracer *)self;
    if (!t->reason) t->reason = Py_NewRef(reason);
    Py_RETURN_NONE;
}

/* From here to close nothing is written down. */
static PyObject *tracer_open(PyObject *self, PyObject *unused)
{
    tracer *t = (tracer *)self;
    (void)unused;
    if (!t->opaque++ && rt_convert_reads != t->reads) fail(t, value_was_read);
    Py_RETURN_NONE;
}

static PyObject *tracer_close(PyObject *self, PyObject *calls)
{
    tracer *t = (tracer *)self;
    if (!PyTuple_Check(calls)) return PyErr_Format(PyExc_TypeError, "Tracer: close takes a tuple of callables");
    if (--t->opaque > 0) Py_RETURN_NONE;
    t->reads = rt_convert_reads;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(calls) && !t->reason; i++) {
        rt_step *s = rt_program_add(&t->recording->program, RT_STEP_CALL, 0, 0);
        if (s) s->call = Py_NewRef(PyTuple_GET_ITEM(calls, i));
        else fail(t, "out of memory");
    }
    Py_RETURN_NONE;
}

/* watch(kind, object, key=None): what it is now must still be so when the recording is used. */
static PyObject *tracer_watch(PyObject *self, PyObject *args)
{
    tracer *t = (tracer *)self;
    rt_recording *r = t->recording;
    int kind;
    PyObject *of, *key = NULL;
    if (!PyArg_ParseTuple(args, "iO|O:watch", &kind, &of, &key)) return NULL;
    const int fine[] = {[RT_WATCH_DICT] = PyDict_Check(of), [RT_WATCH_KEY] = PyDict_Check(of) && key,
                        [RT_WATCH_LIST] = PyList_Check(of), [RT_WATCH_CELL] = PyCell_Check(of),
                        [RT_WATCH_TENSOR] = rt_tensor_check(of), [RT_WATCH_TYPE] = PyType_Check(of) && key && PyUnicode_Check(key)};
    if (!r || kind < 0 || kind > RT_WATCH_TYPE || !fine[kind]) return PyErr_Format(PyExc_TypeError, "Tracer: cannot watch this");
    rt_watch *grown = PyMem_Realloc(r->watches, (size_t)(r->nwatches + 1) * sizeof *grown);
    if (!grown) return PyErr_NoMemory();
    r->watches = grown;
    if (rt_watch_take(&grown[r->nwatches], (rt_watch_kind)kind, of, key) < 0) {
        rt_watch_clear(&grown[r->nwatches]);
        return NULL;
    }
    r->nwatches++;
    Py_RETURN_NONE;
}

static PyObject *tracer_captured(PyObject *self, PyObject *unused)
{
    tracer *t = (tracer *)self;
    PyObject *list = PyList_New(0);
    (void)unused;
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(t->tensors); i++)
        if (t->known[i].origin == CAPTURED && PyList_Append(list, PyList_GET_ITEM(t->tensors, i)) < 0) Py_CLEAR(list);
    return list;
}

/* is_constant(tensor): has a captured tensor that nothing else holds always been what it is?  Then each replay may
 * read it. */
static PyObject *tracer_is_constant(PyObject *self, PyObject *o)
{
    tracer *t = (tracer *)self;
    const rt_tensor *c = (const rt_tensor *)o;
    const int n = rt_tensor_check(o) ? number_of(t, c) : -1;
    if (n < 0) return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
    t->has_constants = 1;
    return PyBool_FromLong(t->known[n].origin == CAPTURED && t->known[n].alone && !rt_tensor_requires_grad(c) && !c->base
                           && c->storage->version == t->known[n].version);
}

/* Is memory of a captured tensor handed out by the call?  Whoever gets it may write to it. */
static int gives_captured(tracer *t, const rt_pattern *p)
{
    if (p->kind == RT_PATTERN_TENSOR || p->kind == RT_PATTERN_SAME) {
        const rt_tensor *r = (const rt_tensor *)PyList_GET_ITEM(t->tensors, p->value);
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(t->tensors); i++)
            if (t->known[i].origin == CAPTURED && ((rt_tensor *)PyList_GET_ITEM(t->tensors, i))->storage == r->storage) return 1;
    }
    for (int i = 0; i < p->n; i++)
        if (gives_captured(t, &p->children[i])) return 1;
    return 0;
}

/* Numbers in the order of origins: arguments, captured, made. */
static int order(tracer *t, int *to, rt_tensor **values, uint8_t *returned)
{
    rt_recording *r = t->recording;
    const int n = (int)PyList_GET_SIZE(t->tensors);
    int next = 0;
    for (int origin = ARGUMENT; origin <= MADE; origin++) {
        for (int i = 0; i < n; i++) {
            if (t->known[i].origin != origin) continue;
            values[next] = (rt_tensor *)PyList_GET_ITEM(t->tensors, i);
            to[i] = next++;
        }
        if (origin == ARGUMENT) r->nargs = next;
        else if (origin == CAPTURED) r->program.ninputs = next;
    }
    r->program.nvalues = next;
    memset(returned, 0, (size_t)n);
    rt_pattern_renumber(&r->args, to);
    rt_pattern_renumber(&r->result, to);
    for (int i = 0; i < r->program.nsteps; i++) {
        rt_step *s = &r->program.steps[i];
        for (int k = 0; k < s->nin + s->nout; k++)
            if (s->slots[k] >= 0) s->slots[k] = to[s->slots[k]];
    }
    r->captured = PyMem_Calloc((size_t)(r->program.ninputs - r->nargs) + 1, sizeof *r->captured);
    if (!r->captured) return -1;
    r->ncaptured = r->program.ninputs - r->nargs;
    for (int i = 0; i < r->ncaptured; i++) r->captured[i] = (rt_tensor *)Py_NewRef((PyObject *)values[r->nargs + i]);
    return 0;
}

static void mark_returned(const rt_pattern *p, uint8_t *returned)
{
    if (p->kind == RT_PATTERN_TENSOR || p->kind == RT_PATTERN_SAME) returned[p->value] = 1;
    for (int i = 0; i < p->n; i++) mark_returned(&p->children[i], returned);
}

static int watches_hold(rt_recording *r)
{
    for (int i = 0; i < r->nwatches; i++)
        if (!rt_watch_holds(&r->watches[i])) return 0;
    return 1;
}

static int finish_program(tracer *t)
{
    const size_t n = (size_t)PyList_GET_SIZE(t->tensors) + 1;
    int *to = PyMem_New(int, n), status = -1;
    rt_tensor **values = PyMem_New(rt_tensor *, n);
    uint8_t *returned = PyMem_New(uint8_t, n);
    if (to && values && returned && order(t, to, values, returned) == 0) {
        mark_returned(&t->recording->result, returned);
        status = rt_program_finish(&t->recording->program, values, returned);
    }
    PyMem_Free(to);
    PyMem_Free(values);
    PyMem_Free(returned);
    return status;
}

/* An object that each call may give again: one of the arguments, or one that cannot change. */
static int is_lasting(const rt_pattern *args, PyObject *o)
{
    if (o == Py_None || o == Py_Ellipsis || PyBool_Check(o) || PyType_Check(o) || PyFunction_Check(o)) return 1;
    if (args->object == o && args->kind == RT_PATTERN_IDENTICAL) return 1;
    for (int i = 0; i < args->n; i++)
        if (is_lasting(&args->children[i], o)) return 1;
    return 0;
}

static int all_lasting(const rt_pattern *args, const rt_pattern *p)
{
    if (p->kind == RT_PATTERN_IDENTICAL && !is_lasting(args, p->object)) return 0;
    for (int i = 0; i < p->n; i++)
        if (!all_lasting(args, &p->children[i])) return 0;
    return 1;
}

/* finish(script, result): hands the recording over.  None, or the reason why there is none. */
static PyObject *tracer_finish(PyObject *self, PyObject *args)
{
    tracer *t = (tracer *)self;
    PyObject *script, *result;
    if (!PyArg_ParseTuple(args, "OO:finish", &script, &result)) return NULL;
    if (t->active || !t->recording) return PyErr_Format(PyExc_RuntimeError, "Tracer: it runs, or is finished");
    if (!t->reason && !watches_hold(t->recording)) fail(t, "the function changes something outside of it");
    if (!t->reason && rt_grad_enabled != t->recording->grad) fail(t, "the function switches gradients on or off for good");
    if (!t->reason && rt_default_dtype() != t->recording->dtype) fail(t, "the function sets the default dtype");
    if (!t->reason && rt_pattern_read(&t->recording->result, result, 0, number_result, t) != 0)
        fail(t, "the result has something in it that no recorded op made");
    if (!t->reason && !all_lasting(&t->recording->args, &t->recording->result))
        fail(t, "the result has an object in it that another call might not give");
    if (!t->reason && t->has_constants && gives_captured(t, &t->recording->result))
        fail(t, "the result shares memory with a tensor that the function made without a recorded op");
    if (!t->reason && finish_program(t) < 0) fail(t, "out of memory");
    rt_recording *r = t->recording;
    t->recording = NULL;
    if (t->reason) {
        rt_recording_release(r);
        return Py_NewRef(t->reason);
    }
    return rt_script_add(script, r) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the type ---- */

static int read_arguments(tracer *t, PyObject *args, PyObject *kwargs)
{
    rt_recording *r = t->recording;
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    PyObject *all = PyTuple_New(n + PyDict_GET_SIZE(kwargs)), *key, *value;
    Py_ssize_t at = 0, i = 0;
    r->kwnames = PyTuple_New(PyDict_GET_SIZE(kwargs));
    int status = all && r->kwnames ? 0 : -1;
    for (i = 0; status == 0 && i < n; i++) PyTuple_SET_ITEM(all, i, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    while (status == 0 && PyDict_Next(kwargs, &at, &key, &value)) {
        PyTuple_SET_ITEM(all, i, Py_NewRef(value));
        PyTuple_SET_ITEM(r->kwnames, i++ - n, Py_NewRef(key));
    }
    if (status == 0) status = rt_pattern_read(&r->args, all, 1, number_argument, t);
    if (status > 0) fail(t, "an argument is an array, a tensor of another device or a container of a type of its own");
    Py_XDECREF(all);
    return status < 0 ? -1 : 0;
}

static PyObject *tracer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *positional, *named;
    if (kwargs && PyDict_GET_SIZE(kwargs)) return PyErr_Format(PyExc_TypeError, "Tracer: takes no keywords");
    if (!PyArg_ParseTuple(args, "O!O!:Tracer", &PyTuple_Type, &positional, &PyDict_Type, &named)) return NULL;
    tracer *t = (tracer *)type->tp_alloc(type, 0);
    if (!t) return NULL;
    t->link = (rt_observer){.begin = begin, .end = end, .gone = gone,
                            .kinds = RT_EVENT_OP | RT_EVENT_BACKWARD | RT_EVENT_NUMPY};
    t->numbers = PyDict_New();
    t->tensors = PyList_New(0);
    t->recording = PyMem_Calloc(1, sizeof *t->recording);
    if (!t->recording) PyErr_NoMemory();
    if (t->recording) {
        t->recording->refs = 1;
        t->recording->grad = rt_grad_enabled;
        t->recording->inference = rt_inference_enabled;
        t->recording->dtype = rt_default_dtype();
    }
    if (!t->numbers || !t->tensors || !t->recording || read_arguments(t, positional, named) < 0) Py_CLEAR(t);
    return (PyObject *)t;
}

static int tracer_traverse(PyObject *self, visitproc visit, void *arg)
{
    tracer *t = (tracer *)self;
    Py_VISIT(t->numbers);
    Py_VISIT(t->tensors);
    return t->recording ? rt_recording_traverse(t->recording, visit, arg) : 0;
}

static int tracer_clear(PyObject *self)
{
    tracer *t = (tracer *)self;
    Py_CLEAR(t->numbers);
    Py_CLEAR(t->tensors);
    Py_CLEAR(t->reason);
    rt_recording *r = t->recording;
    t->recording = NULL;
    rt_recording_release(r);
    return 0;
}

static void tracer_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    tracer_clear(self);
    PyMem_Free(((tracer *)self)->known);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *get_reason(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *reason = ((tracer *)self)->reason;
    return Py_NewRef(reason ? reason : Py_None);
}

static PyMethodDef tracer_methods[] = {
    {"start", tracer_start, METH_NOARGS, "Begins to write down what this thread computes."},
    {"stop", tracer_stop, METH_NOARGS, "Ends."},
    {"fail", tracer_fail, METH_O, "fail(reason): this call cannot be recorded."},
    {"open", tracer_open, METH_NOARGS, "A call begins of which only the call is to be written down."},
    {"close", tracer_close, METH_O, "close(calls): it ended; these are to be called in its place."},
    {"watch", tracer_watch, METH_VARARGS, "watch(kind, object, key=None): what must not change."},
    {"captured", tracer_captured, METH_NOARGS, "Tensors that ops read and that neither were arguments nor made by ops."},
    {"is_constant", tracer_is_constant, METH_O, "Has a captured tensor, which the call made, never been written to?"},
    {"finish", tracer_finish, METH_VARARGS, "finish(script, result): hands the recording over, or gives the reason."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef tracer_attributes[] = {
    {"reason", get_reason, NULL, "Why the call cannot be recorded, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject tracer_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Tracer",
    .tp_basicsize = sizeof(tracer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Tracer(args, kwargs): writes down what a call of these arguments computes.",
    .tp_new = tracer_new,
    .tp_dealloc = tracer_dealloc,
    .tp_traverse = tracer_traverse,
    .tp_clear = tracer_clear,
    .tp_methods = tracer_methods,
    .tp_getset = tracer_attributes,
};

int rt_tracer_init(PyObject *module)
{
    if (PyType_Ready(&tracer_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Tracer", (PyObject *)&tracer_type);
}
