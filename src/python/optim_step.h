/* optim_step: optimiser steps at the Python face: one call a parameter group.  Floor: python. */
#ifndef RT_PYTHON_OPTIM_STEP_H
#define RT_PYTHON_OPTIM_STEP_H
#include <Python.h>

int rt_optim_init(PyObject *module);
#endif
