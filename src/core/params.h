/* params: the arguments of an op that are not tensors, in the order of its
 * signature: numbers in f, integers, flags, dtypes and enumerations in i, lists of
 * integers one behind the other in list with their lengths in n.  Floor: core. */
#ifndef RT_CORE_PARAMS_H
#define RT_CORE_PARAMS_H
#include <stdint.h>

#define RT_PARAM_LIST 128
#define RT_NONE_INT INTPTR_MIN        /* an integer argument that is None */

typedef struct {
    double f[6];
    intptr_t i[6];
    int16_t n[4];                     /* length of each list; -1: None */
    int16_t nlist;                    /* used part of list */
    intptr_t list[RT_PARAM_LIST];
} rt_params;

static inline const intptr_t *rt_params_list(const rt_params *p, int k)
{
    const intptr_t *at = p->list;
    for (int j = 0; j < k; j++) if (p->n[j] > 0) at += p->n[j];
    return at;
}
#endif
