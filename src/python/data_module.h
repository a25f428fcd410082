/* data_module: what loaders of batches call.  Floor: python. */
#ifndef RT_PYTHON_DATA_MODULE_H
#define RT_PYTHON_DATA_MODULE_H
#include <Python.h>

int rt_data_init(PyObject *module);
#endif
