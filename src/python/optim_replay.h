/* optim_replay: an optimizer's update of one group, as a recorded step calls it again and again.  Floor: python. */
#ifndef RT_PYTHON_OPTIM_REPLAY_H
#define RT_PYTHON_OPTIM_REPLAY_H
#include <Python.h>

int rt_optim_replay_init(PyObject *module);
#endif
