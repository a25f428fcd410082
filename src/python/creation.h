/* creation: functions that make tensors from Python things and from nothing.  Floor: python. */
#ifndef RT_PYTHON_CREATION_H
#define RT_PYTHON_CREATION_H
#include <Python.h>
int rt_creation_init(PyObject *module);
/* Is `o` None, "cpu" or a device object of that type?  0, or -1 with DeviceError. */
int rt_creation_check_device(const char *name, PyObject *o);
#endif
