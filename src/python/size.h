/* size: the type of a tensor's shape.  Floor: python. */
#ifndef RT_PYTHON_SIZE_H
#define RT_PYTHON_SIZE_H
#include <Python.h>
#include <stdint.h>

/* A Size of these lengths; new reference. */
__attribute__((warn_unused_result)) PyObject *rt_size_object(int ndim, const intptr_t *shape);
int rt_size_check(PyObject *o);         /* a Size itself, no subclass? */
int rt_size_init(PyObject *module);
/* What is put on the Tensor type as `size`: made with the function that gives the attribute's value. */
__attribute__((warn_unused_result)) PyObject *rt_size_descriptor(PyObject *module, PyObject *attribute);
#endif
