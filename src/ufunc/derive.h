/* derive: derivative texts of elementwise.def, parsed once and evaluated over tensors when a
 * graph of the gradient is wanted or no fused loop exists.  Floor: ufunc. */
#ifndef RT_UFUNC_DERIVE_H
#define RT_UFUNC_DERIVE_H
#include "ufunc/op.h"

/* What a rule's names stand for. */
typedef struct { rt_operand x, y, z, out, g; } rt_rule_values;

/* New, lives as long as the process; NULL with SystemError naming the op and the text. */
rt_rule *rt_rule_parse(const char *op, const char *text);
uint8_t rt_rule_uses(const rt_rule *r);        /* RT_SAVE_* of the names it reads */
int rt_rule_is_identity(const rt_rule *r);     /* the text is `g` */
int rt_rule_is_zero(const rt_rule *r);         /* the text is `zero` */
/* New reference: the gradient, in whatever shape its terms broadcast to. */
RT_WARN_UNUSED rt_tensor *rt_rule_evaluate(const rt_rule *r, const rt_rule_values *v);
#endif
