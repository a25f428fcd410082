/* settings: what this build and this process go by, asked and changed from Python: threads, instruction set, what
 * the kernel grants.  Floor: python. */
#include "python/settings.h"
#include "backends/blas.h"
#include "backends/cpu/container.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/op.h"

static PyObject *build_info(PyObject *m, PyObject *u)
{
    (void)m, (void)u;
#ifdef RT_HAVE_SLEEF
    const char *math = "SLEEF";
#else
    const char *math = "libm";
#endif
    return Py_BuildValue("{sssssssssssi}", "version", RT_VERSION, "isa", rt_ops_isa(), "math", math, "blas", rt_blas_config(),
                         "compiler", __VERSION__, "ops", rt_ops_count());
}

static PyObject *process_info(PyObject *m, PyObject *u)
{
    (void)m, (void)u;
    return Py_BuildValue("{sisdsKss}", "affinity", rt_container_affinity(), "quota", rt_container_quota(), "memory",
                         (unsigned long long)rt_container_memory(), "threads", rt_threads_reason());
}

static PyObject *get_threads(PyObject *m, PyObject *u) { (void)m, (void)u; return PyLong_FromLong(rt_threads_count()); }
static PyObject *available_threads(PyObject *m, PyObject *u) { (void)m, (void)u; return PyLong_FromLong(rt_threads_available()); }

static PyObject *set_threads(PyObject *m, PyObject *o)
{
    (void)m;
    long n = PyLong_AsLong(o);
    if (n == -1 && PyErr_Occurred()) return NULL;
    if (n < 1 || n > 256) return PyErr_Format(rt_TensorError, "the number of threads must be 1 to 256, not %ld", n);
    rt_threads_set((int)n);
    Py_RETURN_NONE;
}

static PyObject *set_isa(PyObject *m, PyObject *o)
{
    (void)m;
    const char *name = o == Py_None ? NULL : PyUnicode_AsUTF8(o);
    if (o != Py_None && !name) return NULL;
    if (rt_ops_choose(name) < 0)
        return PyErr_Format(PyExc_ValueError, "instruction set %R: unknown, or this processor lacks it", o);
    rt_blas_choose(name);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"build_info", build_info, METH_NOARGS, NULL},
    {"process_info", process_info, METH_NOARGS,
     "What the kernel grants: affinity (processors), quota (of their time, 0: none), memory (bytes); and what the number\n"
     "of threads goes by: 'set', a variable of the environment, or 'available'."},
    {"get_num_threads", get_threads, METH_NOARGS, "Threads that loops may use."},
    {"set_num_threads", set_threads, METH_O, "Sets how many threads loops may use, 1 to 256."},
    {"available_threads", available_threads, METH_NOARGS, "What affinity and the container's quota allow."},
    {"_set_isa", set_isa, METH_O, "Loops of this instruction set from now on ('v2', ...); None: as at the start."},
    {NULL, NULL, 0, NULL},
};

int rt_settings_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
