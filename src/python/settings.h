/* settings: of this build and process.  Floor: python. */
#ifndef RT_PYTHON_SETTINGS_H
#define RT_PYTHON_SETTINGS_H
#include <Python.h>

int rt_settings_init(PyObject *module);
#endif
