/* sparse: products with matrices of which only some entries are stored.  Indices may lie in memory that others
 * write: each is read once and compared with its bound before it is used.  Same bits whatever range a call is
 * given.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_SPARSE_H
#define RT_UFUNC_KERNELS_SPARSE_H
#include <stdint.h>

/* The entries of line i are data[j] at position index[j] of the line, start[i] <= j < start[i + 1]. */
typedef struct {
    intptr_t lines, length, count;     /* of lines, of positions in a line, of entries stored */
    const void *start, *index;         /* lines + 1 and count of them: int64 when wide, else int32 */
    const char *data;                  /* packed */
    int wide;
} rt_compressed;

/* Lines begin..end; a line whose indices are wrong is returned, else -1.  Dense operands are packed rows. */
typedef struct {   /* f32, f64, c64, c128 and i64; others are computed through these */
    /* out[i, c] = sum of a_ij x[j, c], c < width. */
    intptr_t (*gather)(const rt_compressed *a, const char *x, intptr_t width, char *out, intptr_t begin, intptr_t end);
    /* out[j, c] += a_ij x[i, c], first <= c < last of width. */
    intptr_t (*scatter)(const rt_compressed *a, const char *x, intptr_t width, intptr_t first, intptr_t last, char *out,
                        intptr_t begin, intptr_t end);
    /* out[entry ij] = sum over c of x[i, c] y[j, c]. */
    intptr_t (*sample)(const rt_compressed *a, const char *x, const char *y, intptr_t width, char *out, intptr_t begin,
                       intptr_t end);
    /* out[entry ij of c] = sum over k of a_ik b_kj, where c's lines have no position twice.  where: c->length numbers,
     * all -1, and so they are left when no line is wrong. */
    intptr_t (*product)(const rt_compressed *a, const rt_compressed *b, const rt_compressed *c, intptr_t *where, char *out,
                        intptr_t begin, intptr_t end);
} rt_sparses;
#endif
