/* pattern: what was recorded of Python values with tensors in them, to see whether others are like them, and to make
 * such values again.  Floor: python. */
#ifndef RT_PYTHON_PATTERN_H
#define RT_PYTHON_PATTERN_H
#include "core/tensor.h"

/* Of a tensor: all that the choice of kernels and the record of gradients depend on. */
typedef struct {
    PyTypeObject *type;            /* borrowed: a Tensor's or Parameter's */
    rt_dtype dtype;
    uint8_t ndim, requires_grad;
    intptr_t *dims;                /* owned: shape, then steps */
} rt_facts;

RT_WARN_UNUSED int rt_facts_take(rt_facts *f, const rt_tensor *t);
int rt_facts_hold(const rt_facts *f, PyObject *o);

typedef enum { RT_PATTERN_TENSOR, RT_PATTERN_SAME, RT_PATTERN_EQUAL, RT_PATTERN_IDENTICAL, RT_PATTERN_TUPLE,
               RT_PATTERN_LIST, RT_PATTERN_DICT } rt_pattern_kind;
typedef struct rt_pattern rt_pattern;
struct rt_pattern {
    rt_pattern_kind kind;
    int value;                     /* TENSOR, SAME (a tensor that came before): its number */
    int n;                         /* children */
    rt_facts facts;                /* TENSOR, of arguments */
    PyObject *object;              /* owned: EQUAL, IDENTICAL: the object; DICT: a tuple of the keys */
    rt_pattern *children;          /* owned */
};

/* Numbers a tensor; -1 with an exception, or when it cannot stand there (then without). */
typedef int rt_pattern_number(void *context, rt_tensor *t, int *seen);
/* Reads o.  facts: are the tensors' taken?  0; -1 with an exception; 1: something cannot be part of a pattern. */
RT_WARN_UNUSED int rt_pattern_read(rt_pattern *p, PyObject *o, int facts, rt_pattern_number *number, void *context);
void rt_pattern_clear(rt_pattern *p);
int rt_pattern_traverse(const rt_pattern *p, visitproc visit, void *arg);
/* Is o like it?  Tensors (borrowed) are put into values. */
int rt_pattern_match(const rt_pattern *p, PyObject *o, rt_tensor **values);
/* Are they the same object, or equal numbers or texts of one type?  (1, 1.0 and True differ, and so do 0.0 and -0.0.)
 * Either may be NULL. */
int rt_pattern_equal(PyObject *a, PyObject *b);
/* Such a value from the tensors; new reference. */
RT_WARN_UNUSED PyObject *rt_pattern_make(const rt_pattern *p, rt_tensor *const *values);
/* value = to[value] throughout. */
void rt_pattern_renumber(rt_pattern *p, const int *to);
#endif
