/* derive: a small expression language over the op table.  Texts become postfix code;
 * evaluation pushes operands and calls rt_op_apply, so that gradients of gradients
 * are recorded like anything else.  Floor: ufunc. */
#include "ufunc/derive.h"
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CODE 128
#define MAX_STACK 16

typedef enum { PUSH_X, PUSH_Y, PUSH_Z, PUSH_OUT, PUSH_G, PUSH_NUMBER, CALL, CONJ } opcode;
typedef struct { opcode code; const rt_op *op; double number; } instruction;
struct rt_rule {
    int n;
    uint8_t uses, identity, zero;
    const char *missing;           /* the row's name when its derivative is not there */
    instruction code[MAX_CODE];
};

typedef struct { const char *at; rt_rule *rule; int bad; } parser;

static void emit(parser *p, opcode code, const rt_op *op, double number)
{
    if (p->rule->n == MAX_CODE) { p->bad = 1; return; }
    p->rule->code[p->rule->n++] = (instruction){code, op, number};
}

static void skip(parser *p) { while (isspace((unsigned char)*p->at)) p->at++; }

static int accept(parser *p, const char *token)
{
    skip(p);
    size_t n = strlen(token);
    if (strncmp(p->at, token, n) != 0) return 0;
    if (n == 1 && strchr("<>", *token) && p->at[1] == '=') return 0;
    p->at += n;
    return 1;
}

static void expression(parser *p);

/* Elementwise rows, and others with one result and no arguments but tensors. */
static int may_be_called(const rt_op *op)
{
    return op->family == RT_ELEMENTWISE || (op->family == RT_GUFUNC && op->nout == 1 && !strpbrk(op->signature, ":=*-"));
}

static void call_named(parser *p, const char *name)
{
    int nargs = 0;
    do { expression(p); nargs++; } while (accept(p, ","));
    if (!accept(p, ")")) p->bad = 1;
    if (strcmp(name, "conj") == 0) { emit(p, CONJ, NULL, 0); return; }
    const rt_op *op = rt_op_find(name);
    if (!op || op->nin != nargs || !may_be_called(op)) { p->bad = 1; return; }
    emit(p, CALL, op, 0);
}

static void variable(parser *p, const char *name)
{
    static const struct { const char *name; opcode code; uint8_t use; } vars[] = {
        {"x", PUSH_X, RT_SAVE_X}, {"y", PUSH_Y, RT_SAVE_Y}, {"z", PUSH_Z, RT_SAVE_Z},
        {"out", PUSH_OUT, RT_SAVE_OUT}, {"g", PUSH_G, 0},
    };
    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++) {
        if (strcmp(name, vars[i].name) != 0) continue;
        emit(p, vars[i].code, NULL, 0);
        p->rule->uses |= vars[i].use;
        return;
    }
    p->bad = 1;
}

static void primary(parser *p)
{
    skip(p);
    if (accept(p, "(")) {
        expression(p);
        if (!accept(p, ")")) p->bad = 1;
    } else if (isdigit((unsigned char)*p->at) || *p->at == '.') {
        char *end;
        emit(p, PUSH_NUMBER, NULL, strtod(p->at, &end));
        p->at = end;
    } else {
        char name[32];
        size_t n = 0;
        while ((isalnum((unsigned char)*p->at) || *p->at == '_') && n < sizeof name - 1) name[n++] = *p->at++;
        name[n] = 0;
        if (n == 0) { p->bad = 1; return; }
        if (accept(p, "(")) call_named(p, name);
        else variable(p, name);
    }
}

static void unary(parser *p)
{
    if (accept(p, "-")) {
        unary(p);
        instruction *last = &p->rule->code[p->rule->n - 1];
        if (p->rule->n && last->code == PUSH_NUMBER) last->number = -last->number;
        else emit(p, CALL, &rt_ops[RT_OP_neg], 0);
    } else {
        primary(p);
    }
}

/* Binary operators by level, loosest first. */
static const struct { const char *token; int16_t op; } levels[][7] = {
    {{"||", RT_OP_logical_or}, {"|", RT_OP_logical_or}},
    {{"&&", RT_OP_logical_and}, {"&", RT_OP_logical_and}},
    {{"==", RT_OP_eq}, {"!=", RT_OP_ne}, {"<=", RT_OP_le}, {">=", RT_OP_ge}, {"<", RT_OP_lt}, {">", RT_OP_gt}},
    {{"+", RT_OP_add}, {"-", RT_OP_sub}},
    {{"*", RT_OP_mul}, {"/", RT_OP_div}},
};
#define NLEVELS (int)(sizeof levels / sizeof *levels)

static void binary(parser *p, int level)
{
    if (level == NLEVELS) { unary(p); return; }
    binary(p, level + 1);
    for (int k = 0; !p->bad && levels[level][k].token; k++) {
        if (!accept(p, levels[level][k].token)) continue;
        binary(p, level + 1);
        emit(p, CALL, &rt_ops[levels[level][k].op], 0);
        k = -1;
    }
}

static void expression(parser *p) { binary(p, 0); }

rt_rule *rt_rule_parse(const char *op, const char *text)
{
    rt_rule *r = calloc(1, sizeof *r);
    if (!r) {
        PyErr_NoMemory();
        return NULL;
    }
    r->identity = strcmp(text, "g") == 0;
    r->zero = strcmp(text, "zero") == 0;
    r->missing = strcmp(text, "missing") == 0 ? op : NULL;
    if (r->zero || r->missing) return r;
    parser p = {text, r, 0};
    expression(&p);
    skip(&p);
    if (p.bad || *p.at) {
        PyErr_Format(PyExc_SystemError, "row %s of the op table: cannot read the derivative \"%s\" near \"%s\"", op,
                     text, p.at);
        free(r);
        return NULL;
    }
    return r;
}

uint8_t rt_rule_uses(const rt_rule *r) { return r->uses; }
int rt_rule_is_identity(const rt_rule *r) { return r->identity; }
int rt_rule_is_zero(const rt_rule *r) { return r->zero; }

/* What scalars gave, as a scalar that is still weak; steals out. */
static rt_operand weakened(rt_tensor *out)
{
    rt_operand o = rt_operand_of(out);
    switch ((rt_dtype)out->dtype) {
    case RT_f64: o = rt_operand_float(*(double *)out->data); break;
    case RT_i64: o = rt_operand_int(*(int64_t *)out->data); break;
    case RT_c128:
        o = (rt_operand){.kind = RT_KIND_COMPLEX};
        memcpy(o.v.c, out->data, sizeof o.v.c);
        break;
    default: return o;
    }
    Py_DECREF((PyObject *)out);
    return o;
}

/* Pops the arguments of `op`, pushes the result. stack owns its tensors.  Of numbers alone (`y - 1` for a
 * number y) the result is a number, computed in double whatever the tensors beside it are. */
static int call(const rt_op *op, rt_operand *stack, int *top)
{
    rt_tensor *out = NULL;
    rt_operand *args = &stack[*top - op->nin];
    rt_dtype before = rt_default_dtype_overridden();
    int numbers = 1;
    for (int i = 0; i < op->nin; i++) numbers &= args[i].t == NULL;
    if (numbers) rt_default_dtype_override(RT_f64);
    rt_params none = {.nlist = 0};
    int status = rt_op_apply(op, op->nin, args, op->family == RT_ELEMENTWISE ? NULL : &none, &out);
    if (numbers) rt_default_dtype_override(before);
    for (int i = 0; i < op->nin; i++) Py_XDECREF((PyObject *)args[i].t);
    *top -= op->nin;
    if (status == 0) stack[(*top)++] = numbers ? weakened(out) : rt_operand_of(out);
    return status;
}

static int push(const instruction *in, const rt_rule_values *v, rt_operand *stack, int *top)
{
    if (*top == MAX_STACK) return rt_error(PyExc_SystemError, "gradient", "rule too deep");
    rt_operand o;
    switch (in->code) {
    case PUSH_X: o = v->x; break;
    case PUSH_Y: o = v->y; break;
    case PUSH_Z: o = v->z; break;
    case PUSH_OUT: o = v->out; break;
    case PUSH_G: o = v->g; break;
    default:
        o = in->number == (double)(int64_t)in->number ? rt_operand_int((int64_t)in->number)
                                                      : rt_operand_float(in->number);
    }
    Py_XINCREF((PyObject *)o.t);
    stack[(*top)++] = o;
    return 0;
}

static int conjugate(rt_operand *o)
{
    if (!o->t) {
        if (o->kind == RT_KIND_COMPLEX) o->v.c[1] = -o->v.c[1];
        return 0;
    }
    if (!rt_dtype_is_complex((rt_dtype)o->t->dtype)) return 0;
    rt_tensor *r = rt_apply1(RT_OP_conj, o->t);
    Py_DECREF(o->t);
    o->t = r;
    return r ? 0 : -1;
}

/* A constant gradient in g's shape. */
static rt_tensor *spread(rt_tensor *g, rt_operand value)
{
    rt_tensor *r = rt_empty_like(g, (rt_dtype)g->dtype);
    if (r && rt_fill(r, &value) < 0) Py_CLEAR(r);
    return r;
}

rt_tensor *rt_rule_evaluate(const rt_rule *r, const rt_rule_values *v)
{
    rt_operand stack[MAX_STACK];
    rt_tensor *result = NULL;
    int top = 0;
    if (r->missing) {
        rt_error(PyExc_NotImplementedError, r->missing, "its derivative by this argument is not implemented");
        return NULL;
    }
    if (r->zero) return spread(v->g.t, rt_operand_int(0));
    for (int i = 0; i < r->n; i++) {
        const instruction *in = &r->code[i];
        int status = in->code == CALL ? call(in->op, stack, &top)
                   : in->code == CONJ ? conjugate(&stack[top - 1])
                                      : push(in, v, stack, &top);
        if (status < 0) goto done;
    }
    result = stack[--top].t;
    if (!result) result = spread(v->g.t, stack[top]);
done:
    while (top > 0) Py_XDECREF((PyObject *)stack[--top].t);
    return result;
}
