/* dtype: the facts of each dtype and the promotion rules.  Promotion is computed
 * from kind and size, not tabulated.  Floor: core.  Must not know Python. */
#include "core/dtype.h"

const rt_dtype_info rt_dtypes[RT_NDTYPE] = {
#define DTYPE(word, ctype, npy, dl, kind, name) [RT_##word] = {#word, name, npy, dl, kind, sizeof(ctype)},
#include "core/dtypes.def"
#undef DTYPE
};

static _Thread_local __attribute__((tls_model("initial-exec"))) rt_dtype_rules rules = {RT_NODTYPE, 0};
static rt_dtype default_dtype = RT_f32;

rt_dtype rt_default_dtype(void) { return rules.floating != RT_NODTYPE ? rules.floating : default_dtype; }
void rt_default_dtype_set(rt_dtype d) { default_dtype = d; }
void rt_default_dtype_override(rt_dtype d) { rules.floating = d; }
rt_dtype rt_default_dtype_overridden(void) { return rules.floating; }
void rt_dtype_rules_restore(rt_dtype_rules before) { rules = before; }

rt_dtype_rules rt_dtype_rules_numpy(void)
{
    const rt_dtype_rules before = rules;
    rules = (rt_dtype_rules){RT_f64, 1};
    return before;
}

rt_dtype rt_dtype_to_real(rt_dtype d)
{
    return d == RT_c64 ? RT_f32 : d == RT_c128 ? RT_f64 : d;
}

rt_dtype rt_dtype_to_complex(rt_dtype d)
{
    if (rt_dtype_is_complex(d)) return d;
    return d == RT_f64 ? RT_c128 : RT_c64;
}

static rt_dtype signed_wider_than(rt_dtype u)
{
    switch (rt_itemsize(u)) {
    case 1: return RT_i16;
    case 2: return RT_i32;
    case 4: return RT_i64;
    default: return RT_f64;
    }
}

static rt_dtype promote_floats(rt_dtype a, rt_dtype b)
{
    if (a == b) return a;
    size_t sa = rt_itemsize(a), sb = rt_itemsize(b);
    if (sa == sb) return RT_f32;                 /* float16 with bfloat16 */
    return sa > sb ? a : b;
}

/* The smallest IEEE float that holds all integers of the dtype, as NumPy counts. */
static rt_dtype float_holding(rt_dtype integer)
{
    switch (rt_itemsize(integer)) {
    case 1: return RT_f16;
    case 2: return RT_f32;
    default: return RT_f64;
    }
}

rt_dtype rt_dtype_floating(rt_dtype integer) { return rules.widens ? float_holding(integer) : rt_default_dtype(); }

rt_dtype rt_dtype_promote(rt_dtype a, rt_dtype b)
{
    if (a == b) return a;
    rt_kind ka = rt_dtype_kind(a), kb = rt_dtype_kind(b);
    if (ka > kb) {
        rt_dtype t = a; a = b; b = t;
        rt_kind k = ka; ka = kb; kb = k;
    }
    if (rules.widens && rt_dtype_is_integer(a) && kb >= RT_KIND_FLOAT && b != RT_bf16) {
        a = float_holding(a);
        ka = RT_KIND_FLOAT;
    }
    if (kb == RT_KIND_COMPLEX) {
        if (ka == RT_KIND_COMPLEX) return RT_c128;
        return a == RT_f64 ? RT_c128 : b;        /* integers never widen */
    }
    if (kb == RT_KIND_FLOAT) return ka == RT_KIND_FLOAT ? promote_floats(a, b) : b;
    if (ka == RT_KIND_BOOL) return b;
    if (ka == kb) return rt_itemsize(a) > rt_itemsize(b) ? a : b;
    return rt_itemsize(b) > rt_itemsize(a) ? b : signed_wider_than(a);   /* unsigned a, signed b */
}

rt_dtype rt_dtype_promote_scalar(rt_dtype a, rt_kind scalar)
{
    rt_kind k = rt_dtype_kind(a);
    if (scalar <= k || (scalar <= RT_KIND_SIGNED && k == RT_KIND_UNSIGNED)) return a;
    if (scalar == RT_KIND_COMPLEX)
        return rt_dtype_to_complex(k == RT_KIND_FLOAT ? a : rt_default_dtype());
    if (scalar == RT_KIND_FLOAT) return rt_default_dtype();
    return RT_i64;                               /* bool with an integer */
}

int rt_dtype_can_cast(rt_dtype from, rt_dtype to)
{
    static const uint8_t rank[] = {
        [RT_KIND_BOOL] = 0, [RT_KIND_UNSIGNED] = 1, [RT_KIND_SIGNED] = 1, [RT_KIND_FLOAT] = 2, [RT_KIND_COMPLEX] = 3,
    };
    return rank[rt_dtype_kind(from)] <= rank[rt_dtype_kind(to)];
}
