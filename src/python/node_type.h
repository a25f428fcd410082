/* node_type: the Python face of graph nodes, and the node of autograd.Function.  Floor: python. */
#ifndef RT_PYTHON_NODE_TYPE_H
#define RT_PYTHON_NODE_TYPE_H
#include <Python.h>
int rt_node_type_init(PyObject *module);
PyObject *rt_function_record(PyObject *module, PyObject *args);
#endif
