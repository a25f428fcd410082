/* script: functions whose calls are recorded once and then run as programs; the types Script and Tracer.
 * Floor: python. */
#ifndef RT_PYTHON_SCRIPT_H
#define RT_PYTHON_SCRIPT_H
#include "python/pattern.h"
#include "python/program.h"
#include "python/watch.h"

/* One recorded call: what must hold for it to be run again, and the program.  All owned. */
typedef struct rt_recording rt_recording;
struct rt_recording {
    int refs;
    rt_recording *next;
    rt_pattern args, result;       /* args: a tuple of the positional and the named ones' values */
    PyObject *kwnames;             /* a tuple of strings, perhaps empty */
    rt_watch *watches;
    int nwatches;
    rt_tensor **captured;          /* values behind those of the arguments */
    int nargs, ncaptured;          /* tensors among the arguments; captured ones */
    int grad, inference;           /* modes at the call */
    rt_dtype dtype;                /* the default dtype */
    rt_program program;
};

void rt_recording_release(rt_recording *r);
int rt_recording_traverse(const rt_recording *r, visitproc visit, void *arg);
/* Does this thread record?  Then scripts inside are part of it. */
int rt_tracer_is_on(void);
/* detach does not go through the door: tells the tracer of this thread, if there is one. */
void rt_tracer_note_detach(rt_tensor *of, rt_tensor *made);
/* Is anything on that sees, or changes, what is computed?  Then programs are not run. */
int rt_script_is_watched(void);
/* Adds a recording (stolen) to a Script. */
int rt_script_add(PyObject *script, rt_recording *r);
int rt_script_init(PyObject *module);
int rt_tracer_init(PyObject *module);
#endif
