/* watch: what a traced function depends on beside its arguments: globals, closures, attributes of modules, classes and
 * other objects, lists and dictionaries it can reach, tensors it captured.  All are compared by identity, numbers and
 * texts by value.  Floor: python. */
#ifndef RT_PYTHON_WATCH_H
#define RT_PYTHON_WATCH_H
#include "python/pattern.h"

typedef enum { RT_WATCH_DICT, RT_WATCH_KEY, RT_WATCH_LIST, RT_WATCH_CELL, RT_WATCH_TENSOR, RT_WATCH_TYPE } rt_watch_kind;
typedef struct {
    rt_watch_kind kind;
    Py_ssize_t n;
    PyObject *of;                  /* owned: the dict, list, cell, tensor or class */
    PyObject **items;              /* owned: DICT: keys and values in turn; LIST: items; KEY, TYPE: the name and its value
                                      or NULL; CELL: the content or NULL */
    uint64_t tag;                  /* DICT: its version when it was last looked through, where CPython keeps one */
    rt_facts facts;                /* TENSOR */
} rt_watch;

RT_WARN_UNUSED int rt_watch_take(rt_watch *w, rt_watch_kind kind, PyObject *of, PyObject *key);
int rt_watch_holds(rt_watch *w);
void rt_watch_clear(rt_watch *w);
int rt_watch_traverse(const rt_watch *w, visitproc visit, void *arg);
#endif
