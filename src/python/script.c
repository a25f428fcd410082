/* script: the type Script, a callable.  A call looks for a recording that fits (arguments, surroundings, modes) and runs
 * its program; else it is recorded, by Python code (rustorch/_tracing.py), or where that is hopeless the function is
 * called as it is.  Floor: python. */
#include "python/script.h"
#include "python/autocast.h"
#include "python/module_call.h"
#include "ufunc/observe.h"
#include <structmember.h>

enum { MOST_RECORDINGS = 8, MOST_FAILURES = 3, INLINE_VALUES = 64 };

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    /* owned */
    PyObject *function, *recorder, *reason, *dict, *weakrefs;
    rt_recording *first;           /* the one used last stands first */
    int count, failures;
    unsigned long long replays;
} script;

static PyTypeObject script_type;

/* ---- recordings ---- */

void rt_recording_release(rt_recording *r)
{
    if (!r || --r->refs > 0) return;
    rt_pattern_clear(&r->args);
    rt_pattern_clear(&r->result);
    for (int i = 0; i < r->nwatches; i++) rt_watch_clear(&r->watches[i]);
    for (int i = 0; i < r->ncaptured; i++) Py_XDECREF((PyObject *)r->captured[i]);
    rt_program_clear(&r->program);
    PyMem_Free(r->watches);
    PyMem_Free(r->captured);
    Py_XDECREF(r->kwnames);
    PyMem_Free(r);
}

int rt_recording_traverse(const rt_recording *r, visitproc visit, void *arg)
{
    int status = rt_pattern_traverse(&r->args, visit, arg);
    if (!status) status = rt_pattern_traverse(&r->result, visit, arg);
    for (int i = 0; i < r->nwatches && !status; i++) status = rt_watch_traverse(&r->watches[i], visit, arg);
    for (int i = 0; i < r->ncaptured; i++) Py_VISIT((PyObject *)r->captured[i]);
    return status ? status : rt_program_traverse(&r->program, visit, arg);
}

int rt_script_is_watched(void)
{
    return rt_observers || rt_autocast_on || rt_anomaly_enabled || rt_saved_hooks || rt_module_call_is_watched();
}

static int is_same_names(PyObject *have, PyObject *kwnames)
{
    const Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (PyTuple_GET_SIZE(have) != n) return 0;
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyTuple_GET_ITEM(have, i) != PyTuple_GET_ITEM(kwnames, i)) return 0;
    return 1;
}

static int fits(rt_recording *r, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, rt_tensor **values)
{
    if (r->args.n != n || r->grad != rt_grad_enabled || r->inference != rt_inference_enabled
        || r->dtype != rt_default_dtype() || !is_same_names(r->kwnames, kwnames))
        return 0;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!rt_pattern_match(&r->args.children[i], args[i], values)) return 0;
    for (int i = 0; i < r->nwatches; i++)
        if (!rt_watch_holds(&r->watches[i])) return 0;
    return 1;
}

static PyObject *run(rt_recording *r, rt_tensor **values)
{
    const rt_program *p = &r->program;
    PyObject *result = NULL;
    r->refs++;
    for (int i = 0; i < r->nargs; i++) Py_INCREF((PyObject *)values[i]);
    for (int i = 0; i < r->ncaptured; i++) values[r->nargs + i] = (rt_tensor *)Py_NewRef((PyObject *)r->captured[i]);
    for (int v = p->ninputs; v < p->nvalues; v++) values[v] = NULL;
    if (rt_program_run(p, values) == 0) result = rt_pattern_make(&r->result, values);
    for (int v = 0; v < p->nvalues; v++) Py_XDECREF((PyObject *)values[v]);
    rt_recording_release(r);
    return result;
}

/* Runs the recording that fits; NULL without an exception when none does. */
static PyObject *replay(script *s, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    rt_tensor *local[INLINE_VALUES], **values = local;
    int room = INLINE_VALUES;
    PyObject *result = NULL;
    for (rt_recording **at = &s->first, *r; (r = *at); at = &r->next) {
        if (r->program.nvalues > room) {
            if (values != local) PyMem_Free(values);
            room = r->program.nvalues;
            if (!(values = PyMem_New(rt_tensor *, room))) return PyErr_NoMemory();
        }
        if (!fits(r, args, n, kwnames, values)) continue;
        *at = r->next;
        r->next = s->first;
        s->first = r;
        s->replays++;
        result = run(r, values);
        break;
    }
    if (values != local) PyMem_Free(values);
    return result;
}

int rt_script_add(PyObject *self, rt_recording *r)
{
    script *s = (script *)self;
    if (!Py_IS_TYPE(self, &script_type) || s->count >= MOST_RECORDINGS) {
        rt_recording_release(r);
        return 0;
    }
    r->next = s->first;
    s->first = r;
    s->count++;
    return 0;
}

/* ---- the type ---- */

static PyObject *record(script *s, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *positional = PyTuple_New(n), *named = PyDict_New(), *result = NULL;
    for (Py_ssize_t i = 0; positional && i < n; i++) PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; named && kwnames && i < PyTuple_GET_SIZE(kwnames); i++)
        if (PyDict_SetItem(named, PyTuple_GET_ITEM(kwnames, i), args[n + i]) < 0) Py_CLEAR(named);
    if (positional && named) result = PyObject_CallFunctionObjArgs(s->recorder, s, positional, named, NULL);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return result;
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    script *s = (script *)self;
    const Py_ssize_t n = PyVectorcall_NARGS(nargsf), all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (rt_tracer_is_on() || rt_script_is_watched()) return PyObject_Vectorcall(s->function, args, nargsf, kwnames);
    PyObject *result = replay(s, args, all, kwnames);
    if (result || PyErr_Occurred()) return result;
    if (s->failures >= MOST_FAILURES || s->count >= MOST_RECORDINGS)
        return PyObject_Vectorcall(s->function, args, nargsf, kwnames);
    return record(s, args, n, kwnames);
}

static PyObject *script_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function, *recorder;
    if (kwargs && PyDict_GET_SIZE(kwargs)) return PyErr_Format(PyExc_TypeError, "Script: takes no keywords");
    if (!PyArg_ParseTuple(args, "OO:Script", &function, &recorder)) return NULL;
    script *s = (script *)type->tp_alloc(type, 0);
    if (!s) return NULL;
    s->call = call;
    s->function = Py_NewRef(function);
    s->recorder = Py_NewRef(recorder);
    s->reason = Py_NewRef(Py_None);
    return (PyObject *)s;
}

static void drop_recordings(script *s)
{
    rt_recording *r = s->first;
    s->first = NULL;
    s->count = 0;
    while (r) {
        rt_recording *next = r->next;
        rt_recording_release(r);
        r = next;
    }
}

static PyObject *note_failure(PyObject *self, PyObject *reason)
{
    script *s = (script *)self;
    s->failures++;
    Py_SETREF(s->reason, Py_NewRef(reason));
    Py_RETURN_NONE;
}

static PyObject *forget(PyObject *self, PyObject *unused)
{
    script *s = (script *)self;
    (void)unused;
    drop_recordings(s);
    s->failures = 0;
    Py_SETREF(s->reason, Py_NewRef(Py_None));
    Py_RETURN_NONE;
}

static PyObject *bind(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return !obj || obj == Py_None ? Py_NewRef(self) : PyMethod_New(self, obj);
}

static int script_traverse(PyObject *self, visitproc visit, void *arg)
{
    script *s = (script *)self;
    Py_VISIT(s->function);
    Py_VISIT(s->recorder);
    Py_VISIT(s->reason);
    Py_VISIT(s->dict);
    for (const rt_recording *r = s->first; r; r = r->next) {
        const int status = r->refs == 1 ? rt_recording_traverse(r, visit, arg) : 0;
        if (status) return status;
    }
    return 0;
}

static int script_clear(PyObject *self)
{
    script *s = (script *)self;
    drop_recordings(s);
    Py_CLEAR(s->function);
    Py_CLEAR(s->recorder);
    Py_CLEAR(s->reason);
    Py_CLEAR(s->dict);
    return 0;
}

static void script_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    if (((script *)self)->weakrefs) PyObject_ClearWeakRefs(self);
    script_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *count_steps(PyObject *self, void *unused)
{
    const script *s = (const script *)self;
    int steps = 0, joined = 0;
    (void)unused;
    if (!s->first) Py_RETURN_NONE;
    const rt_program *p = &s->first->program;
    for (int i = 0; i < p->nsteps; i += p->steps[i].pass ? p->steps[i].span : 1, steps++)
        if (p->steps[i].pass) joined += p->steps[i].span - 1;
    return Py_BuildValue("(ii)", steps, p->nfused + joined);
}

static PyMethodDef script_methods[] = {
    {"_note_failure", note_failure, METH_O, NULL},
    {"forget", forget, METH_NOARGS, "Drops what was recorded; the next call is recorded anew."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef script_members[] = {
    {"reason", T_OBJECT, offsetof(script, reason), READONLY, "Why the last call that was not recorded was not; or None."},
    {"replays", T_ULONGLONG, offsetof(script, replays), READONLY, "Calls that ran a recorded program so far."},
    {"recordings", T_INT, offsetof(script, count), READONLY, "Recorded programs, one for each kind of arguments."},
    {"__wrapped__", T_OBJECT, offsetof(script, function), READONLY, "The function."},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef script_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"steps", count_steps, NULL, "(steps of the program used last, ops that are part of larger steps), or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject script_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.Script",
    .tp_basicsize = sizeof(script),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Script(function, recorder): calls of function, recorded once by recorder(script, args, kwargs), then replayed.",
    .tp_new = script_new,
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = script_dealloc,
    .tp_traverse = script_traverse,
    .tp_clear = script_clear,
    .tp_methods = script_methods,
    .tp_members = script_members,
    .tp_getset = script_attributes,
    .tp_descr_get = bind,
    .tp_dictoffset = offsetof(script, dict),
    .tp_weaklistoffset = offsetof(script, weakrefs),
    .tp_vectorcall_offset = offsetof(script, call),
};

int rt_script_init(PyObject *module)
{
    if (PyType_Ready(&script_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Script", (PyObject *)&script_type);
}
