/* signature: reading the argument text of a row.  Runs once per row at import.
 * Floor: ufunc. */
#include "ufunc/signature.h"
#include <Python.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip(const char *s)
{
    while (isspace((unsigned char)*s)) s++;
    return s;
}

static const char *word(const char *s, char *out, size_t room, const char *stop)
{
    size_t n = 0;
    while (*s && !strchr(stop, *s) && !isspace((unsigned char)*s)) {
        if (n + 1 < room) out[n++] = *s;
        s++;
    }
    out[n] = 0;
    return skip(s);
}

static int set_type(rt_arg *a, const char *type)
{
    static const struct { const char *text; uint8_t type; } types[] = {
        {"", RT_ARG_TENSOR}, {"tensor", RT_ARG_TENSOR}, {"tensor?", RT_ARG_TENSOR_OPT}, {"tensors", RT_ARG_TENSORS},
        {"int", RT_ARG_INT}, {"int?", RT_ARG_INT_OPT}, {"bool", RT_ARG_BOOL}, {"float", RT_ARG_FLOAT},
        {"dtype", RT_ARG_DTYPE}, {"dtype?", RT_ARG_DTYPE}, {"ints", RT_ARG_INTS}, {"ints?", RT_ARG_INTS_OPT},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].text) == 0) {
            a->type = types[i].type;
            return 0;
        }
    if (!strchr(type, '|')) return -1;
    a->type = RT_ARG_WORD;
    for (const char *s = type; *s; s += *s == '|') {
        if (a->nwords == 8) return -1;
        s = word(s, a->words[a->nwords++], sizeof a->words[0], "|");
    }
    return 0;
}

static int set_default(rt_arg *a, const char *text)
{
    a->has_default = 1;
    if (strcmp(text, "None") == 0) { a->default_none = 1; return 0; }
    if (strcmp(text, "True") == 0) { a->default_value = 1; return 0; }
    if (strcmp(text, "False") == 0) return 0;
    for (int i = 0; i < a->nwords; i++)
        if (strcmp(text, a->words[i]) == 0) { a->default_value = i; return 0; }
    char *end;
    a->default_value = strtod(text, &end);
    return *end || !*text ? -1 : 0;
}

int rt_signature_parse(const char *text, rt_signature *out)
{
    const char *s = skip(text);
    int keyword_only = 0;
    memset(out, 0, sizeof *out);
    while (*s) {
        char type[160] = "", value[40];
        if (*s == '-' && s[1] == '>') {
            out->npublic = atoi(s + 2);
            return 0;
        }
        if (*s == '*') {
            keyword_only = 1;
            s = skip(s + 1);
        } else {
            if (out->nargs == RT_MAX_ARGS) goto bad;
            rt_arg *a = &out->args[out->nargs++];
            s = word(s, a->name, sizeof a->name, ":=,");
            a->keyword_only = (uint8_t)keyword_only;
            if (*s == ':') s = word(skip(s + 1), type, sizeof type, "=,");
            if (set_type(a, type) < 0) goto bad;
            if (*s == '=') {
                s = word(skip(s + 1), value, sizeof value, ",");
                if (set_default(a, value) < 0) goto bad;
            }
            out->nrequired += !a->has_default;
            out->npositional += !keyword_only;
        }
        if (*s == ',') s = skip(s + 1);
        else if (*s && !(*s == '-' && s[1] == '>')) goto bad;
    }
    return 0;
bad:
    PyErr_Format(PyExc_SystemError, "op table: cannot read the signature \"%s\" near \"%s\"", text, s);
    return -1;
}
