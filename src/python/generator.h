/* generator: the Python object around an rt_generator.  Floor: python. */
#ifndef RT_PYTHON_GENERATOR_H
#define RT_PYTHON_GENERATOR_H
#include <Python.h>
#include "ufunc/random.h"

int rt_generator_type_init(PyObject *module);
/* The generator of a Generator object; the default one for None or NULL; NULL with TypeError. */
rt_generator *rt_generator_convert(const char *name, PyObject *o);
#endif
