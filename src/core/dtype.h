/* dtype: what an element is.  The enum, its facts and the promotion rules
 * (array API table and NEP 50).  Floor: core.  Knows neither Python nor NumPy,
 * so kernels may include it. */
#ifndef RT_CORE_DTYPE_H
#define RT_CORE_DTYPE_H
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RT_KIND_BOOL, RT_KIND_UNSIGNED, RT_KIND_SIGNED, RT_KIND_FLOAT, RT_KIND_COMPLEX
} rt_kind;

typedef enum {
#define DTYPE(word, ctype, npy, dl, kind, name) RT_##word,
#include "core/dtypes.def"
#undef DTYPE
    RT_NDTYPE,
    RT_NODTYPE = -1
} rt_dtype;

typedef struct {
    const char *word, *name;
    int8_t npy, dlcode;
    uint8_t kind, itemsize;
} rt_dtype_info;

extern const rt_dtype_info rt_dtypes[RT_NDTYPE];

static inline size_t rt_itemsize(rt_dtype d) { return rt_dtypes[d].itemsize; }
static inline rt_kind rt_dtype_kind(rt_dtype d) { return (rt_kind)rt_dtypes[d].kind; }
static inline int rt_dtype_is_float(rt_dtype d) { return rt_dtypes[d].kind == RT_KIND_FLOAT; }
static inline int rt_dtype_is_complex(rt_dtype d) { return rt_dtypes[d].kind == RT_KIND_COMPLEX; }
static inline int rt_dtype_is_inexact(rt_dtype d) { return rt_dtypes[d].kind >= RT_KIND_FLOAT; }
static inline int rt_dtype_is_integer(rt_dtype d)
{
    return rt_dtypes[d].kind == RT_KIND_UNSIGNED || rt_dtypes[d].kind == RT_KIND_SIGNED;
}

/* The dtype that holds both; never fails (uint64 with a signed integer is float64). */
rt_dtype rt_dtype_promote(rt_dtype a, rt_dtype b);
/* Promotion with a weak Python scalar of the given kind. */
rt_dtype rt_dtype_promote_scalar(rt_dtype a, rt_kind scalar);
/* What an integer or bool becomes in a function of floating numbers, by the rules of this thread. */
rt_dtype rt_dtype_floating(rt_dtype integer);
/* The real dtype of a complex one's parts, and back; others are returned as they are. */
rt_dtype rt_dtype_to_real(rt_dtype d);
rt_dtype rt_dtype_to_complex(rt_dtype d);
/* NumPy's "same_kind": may a result of dtype `from` be written into `to`? */
int rt_dtype_can_cast(rt_dtype from, rt_dtype to);

/* What an integer becomes when it must be floating, and a new array's dtype.
 * float32 unless set; thread-local so that the NumPy dialect can switch it for
 * the length of one call. */
rt_dtype rt_default_dtype(void);
void rt_default_dtype_set(rt_dtype d);
/* RT_NODTYPE lifts the override. */
void rt_default_dtype_override(rt_dtype d);
rt_dtype rt_default_dtype_overridden(void);

/* The rules of this thread.  NumPy's: float64 is the default, and an integer widens a float that cannot
 * hold it (int64 with float32 is float64). */
typedef struct { rt_dtype floating; int widens; } rt_dtype_rules;
rt_dtype_rules rt_dtype_rules_numpy(void);         /* sets NumPy's; gives those before */
void rt_dtype_rules_restore(rt_dtype_rules before);
#endif
