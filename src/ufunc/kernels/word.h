/* word: what one compilation of elementwise.c is about.  RT_ISA and RT_WORD come from the
 * build; from them follow the element type and, for every class of ops.def, whether rows of
 * that class have loops in this dtype (TAKES_<class>, 0 or 1).  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_WORD_H
#define RT_UFUNC_KERNELS_WORD_H
#include <stdint.h>
#include <string.h>
#include "ufunc/kernels/table.h"

/* rt_<stem>_<word>_<isa> */
#define SYMBOL(stem) PASTE(PASTE(rt_##stem##_, RT_WORD), PASTE(_, RT_ISA))

#define NATURE_b1 1
#define NATURE_u8 2
#define NATURE_u16 2
#define NATURE_u32 2
#define NATURE_u64 2
#define NATURE_i8 3
#define NATURE_i16 3
#define NATURE_i32 3
#define NATURE_i64 3
#define NATURE_f32 4
#define NATURE_f64 5
#define NATURE_c64 6
#define NATURE_c128 7
#define NATURE_f16 8
#define NATURE_bf16 9
#define NATURE PASTE(NATURE_, RT_WORD)
#define IS_BOOL (NATURE == 1)
#define IS_INTEGER (NATURE == 2 || NATURE == 3)
#define IS_SIGNED (NATURE == 3)
#define IS_NARROW (NATURE == 8 || NATURE == 9)      /* 16 bits, computed in float32: narrow.h */
#define IS_F16 (NATURE == 8)
#define IS_REAL (NATURE == 4 || NATURE == 5 || IS_NARROW)
#define IS_F32 (NATURE == 4 || IS_NARROW)
#define IS_COMPLEX (NATURE == 6 || NATURE == 7)
#define IS_C64 (NATURE == 6)

#define DTYPE(word, ctype, npy, dl, kind, name) typedef ctype element_##word;
#include "core/dtypes.def"
#undef DTYPE
typedef PASTE(element_, RT_WORD) element;
typedef float real_of_c64;
typedef double real_of_c128;
#if IS_COMPLEX
typedef PASTE(real_of_, RT_WORD) real_part;
#endif

/* c64 has loops where rounding to single is the operation's own; functions go through c128. */
#define TAKES_ALL 1
#define TAKES_BOOL 1
#define TAKES_NUM PASTE(TAKES_NUM_, NATURE)
#define TAKES_COUNT TAKES_NUM
#define TAKES_REAL PASTE(TAKES_REAL_, NATURE)
#define TAKES_REALNUM PASTE(TAKES_REALNUM_, NATURE)
#define TAKES_INEXACT PASTE(TAKES_INEXACT_, NATURE)
#define TAKES_FLOAT PASTE(TAKES_FLOAT_, NATURE)
#define TAKES_COMPLEX PASTE(TAKES_COMPLEX_, NATURE)
#define TAKES_INT PASTE(TAKES_INT_, NATURE)
#define TAKES_INTNUM PASTE(TAKES_INTNUM_, NATURE)
#define TAKES_NUM_1 0
#define TAKES_NUM_2 1
#define TAKES_NUM_3 1
#define TAKES_NUM_4 1
#define TAKES_NUM_5 1
#define TAKES_NUM_6 1
#define TAKES_NUM_7 1
#define TAKES_REAL_1 1
#define TAKES_REAL_2 1
#define TAKES_REAL_3 1
#define TAKES_REAL_4 1
#define TAKES_REAL_5 1
#define TAKES_REAL_6 0
#define TAKES_REAL_7 0
#define TAKES_REALNUM_1 0
#define TAKES_REALNUM_2 1
#define TAKES_REALNUM_3 1
#define TAKES_REALNUM_4 1
#define TAKES_REALNUM_5 1
#define TAKES_REALNUM_6 0
#define TAKES_REALNUM_7 0
#define TAKES_INEXACT_1 0
#define TAKES_INEXACT_2 0
#define TAKES_INEXACT_3 0
#define TAKES_INEXACT_4 1
#define TAKES_INEXACT_5 1
#define TAKES_INEXACT_6 0
#define TAKES_INEXACT_7 1
#define TAKES_FLOAT_1 0
#define TAKES_FLOAT_2 0
#define TAKES_FLOAT_3 0
#define TAKES_FLOAT_4 1
#define TAKES_FLOAT_5 1
#define TAKES_FLOAT_6 0
#define TAKES_FLOAT_7 0
#define TAKES_COMPLEX_1 0
#define TAKES_COMPLEX_2 0
#define TAKES_COMPLEX_3 0
#define TAKES_COMPLEX_4 0
#define TAKES_COMPLEX_5 0
#define TAKES_COMPLEX_6 1
#define TAKES_COMPLEX_7 1
#define TAKES_INT_1 1
#define TAKES_INT_2 1
#define TAKES_INT_3 1
#define TAKES_INT_4 0
#define TAKES_INT_5 0
#define TAKES_INT_6 0
#define TAKES_INT_7 0
#define TAKES_INTNUM_1 0
#define TAKES_INTNUM_2 1
#define TAKES_INTNUM_3 1
#define TAKES_INTNUM_4 0
#define TAKES_INTNUM_5 0
#define TAKES_INTNUM_6 0
#define TAKES_INTNUM_7 0
#endif
