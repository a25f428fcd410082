/* generator: rustorch.Generator, default_generator, and seeding.  A state is 16 bytes: the
 * seed and the number of the next stream, little-endian.  Floor: python. */
#include "python/generator.h"
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"
#include <string.h>

typedef struct {
    PyObject_HEAD
    rt_generator own, *g;      /* g: own, or the process's default */
} generator;

static PyTypeObject generator_type;

#define G (((generator *)self)->g)
enum { STATE_BYTES = 16 };

/* Any Python integer from -2^63 to 2^64-1. */
static int read_seed(PyObject *o, uint64_t *seed)
{
    PyObject *index = PyNumber_Index(o);
    if (!index) return -1;
    *seed = PyLong_AsUnsignedLongLong(index);
    if (*seed == (uint64_t)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        *seed = (uint64_t)PyLong_AsLongLong(index);
        if (*seed == (uint64_t)-1 && PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "manual_seed: the seed must lie between -2**63 and 2**64 - 1, not %S", index);
    }
    Py_DECREF(index);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *manual_seed(PyObject *self, PyObject *o)
{
    uint64_t seed;
    if (read_seed(o, &seed) < 0) return NULL;
    rt_generator_seed(G, seed);
    return Py_NewRef(self);
}

static PyObject *seed(PyObject *self, PyObject *unused)
{
    (void)unused;
    rt_generator_seed(G, rt_generator_entropy());
    return PyLong_FromUnsignedLongLong(G->seed);
}

static PyObject *initial_seed(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(G->seed);
}

static PyObject *get_state(PyObject *self, PyObject *unused)
{
    (void)unused;
    intptr_t shape[1] = {STATE_BYTES};
    rt_tensor *t = rt_empty(RT_u8, 1, shape, (rt_device){RT_CPU, 0});
    if (!t) return NULL;
    for (int i = 0; i < 8; i++) {
        t->data[i] = (char)(G->seed >> 8 * i);
        t->data[8 + i] = (char)(G->next >> 8 * i);
    }
    return (PyObject *)t;
}

static PyObject *set_state(PyObject *self, PyObject *o)
{
    rt_tensor *t = (rt_tensor *)o;
    if (!rt_tensor_check(o) || t->dtype != RT_u8 || t->ndim != 1 || t->size != STATE_BYTES)
        return PyErr_Format(PyExc_TypeError, "set_state: the state must be a uint8 Tensor of %d elements, as get_state"
                            " gives", STATE_BYTES);
    rt_generator g = {0, 0};
    for (int i = 0; i < 8; i++) {
        g.seed |= (uint64_t)(uint8_t)t->data[i * t->steps[0]] << 8 * i;
        g.next |= (uint64_t)(uint8_t)t->data[(8 + i) * t->steps[0]] << 8 * i;
    }
    *G = g;
    return Py_NewRef(self);
}

static PyObject *construct(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"device", NULL};
    const char *device = "cpu";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|s:Generator", words, &device)) return NULL;
    if (strcmp(device, "cpu") != 0) {
        rt_error(rt_DeviceError, "Generator", "device '%s' is not available; only 'cpu' is", device);
        return NULL;
    }
    generator *self = (generator *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    rt_generator_seed(&self->own, 67280421310721u);      /* every new one alike, as in PyTorch */
    self->g = &self->own;
    return (PyObject *)self;
}

static PyObject *clone_state(PyObject *self, PyObject *unused)
{
    (void)unused;
    generator *twin = (generator *)generator_type.tp_alloc(&generator_type, 0);
    if (!twin) return NULL;
    twin->own = *G;
    twin->g = &twin->own;
    return (PyObject *)twin;
}

/* (type, (), (seed, next)): what is pickled is a generator of its own, also of the default one. */
static PyObject *reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("(O()(KK))", (PyObject *)Py_TYPE(self), (unsigned long long)G->seed, (unsigned long long)G->next);
}

static PyObject *restore(PyObject *self, PyObject *state)
{
    unsigned long long seed, next;
    if (!PyTuple_Check(state)) return PyErr_Format(PyExc_TypeError, "Generator: a pickled state is a tuple of two integers");
    if (!PyArg_ParseTuple(state, "KK:__setstate__", &seed, &next)) return NULL;
    *G = (rt_generator){seed, next};
    Py_RETURN_NONE;
}

static PyObject *device(PyObject *self, void *unused)
{
    (void)self, (void)unused;
    return PyUnicode_FromString("cpu");
}

static PyObject *represent(PyObject *self)
{
    return PyUnicode_FromFormat("Generator(seed=%llu, stream=%llu)", (unsigned long long)G->seed,
                                (unsigned long long)G->next);
}

static PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O, "manual_seed(seed): starts over from an integer; returns the generator."},
    {"seed", seed, METH_NOARGS, "Starts over from the system's entropy; returns the seed."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed in use."},
    {"get_state", get_state, METH_NOARGS, "The state, a uint8 Tensor."},
    {"set_state", set_state, METH_O, "set_state(state): goes back to a state that get_state gave."},
    {"clone_state", clone_state, METH_NOARGS, "Another Generator in the same state, on its own from then on."},
    {"__reduce__", reduce, METH_NOARGS, NULL},
    {"__setstate__", restore, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef getset[] = {{"device", device, NULL, "Always 'cpu'.", NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject generator_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.Generator",
    .tp_doc = "A source of random numbers: a seed and a count of the streams already used.\n\n"
              "Numbers are those of Philox4x32-10 (Salmon et al. 2011); they depend on seed, order of calls and\n"
              "position in the tensor, never on threads.",
    .tp_basicsize = sizeof(generator),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = construct,
    .tp_repr = represent,
    .tp_methods = methods,
    .tp_getset = getset,
};

rt_generator *rt_generator_convert(const char *name, PyObject *o)
{
    if (!o || o == Py_None) return &rt_generator_default;
    if (PyObject_TypeCheck(o, &generator_type)) return ((generator *)o)->g;
    PyErr_Format(PyExc_TypeError, "%s: generator must be a Generator or None, not %s", name, Py_TYPE(o)->tp_name);
    return NULL;
}

int rt_generator_type_init(PyObject *module)
{
    if (PyType_Ready(&generator_type) < 0) return -1;
    generator *standard = PyObject_New(generator, &generator_type);
    if (!standard) return -1;
    standard->g = &rt_generator_default;
    rt_generator_seed(standard->g, rt_generator_entropy());
    int status = PyModule_AddObjectRef(module, "default_generator", (PyObject *)standard);
    Py_DECREF(standard);
    if (status < 0) return -1;
    return PyModule_AddObjectRef(module, "Generator", (PyObject *)&generator_type);
}
