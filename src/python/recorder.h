/* recorder: events kept for a profile.  Floor: python. */
#ifndef RT_PYTHON_RECORDER_H
#define RT_PYTHON_RECORDER_H
#include <Python.h>

int rt_recorder_init(PyObject *module);
#endif
