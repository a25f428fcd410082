/* managed: DLPack's own structs, for the files of this floor that pass them on.
 * Floor: dlpack, not for other floors. */
#ifndef RT_DLPACK_MANAGED_H
#define RT_DLPACK_MANAGED_H
#include <dlpack/dlpack.h>
#include "dlpack/adopt.h"

_Static_assert(sizeof(int64_t) == sizeof(intptr_t), "DLPack's lengths are intptr_t");
_Static_assert(DLPACK_MAJOR_VERSION == 1 && DLPACK_MINOR_VERSION >= 3, "DLPack 1.3 or a later 1.x is needed");

/* New managed tensor, to be freed by its deleter (from any thread, with or without the GIL). */
RT_WARN_UNUSED DLManagedTensorVersioned *rt_managed_export(rt_tensor *t, int copy);
/* New tensor.  Steals m, also on failure. */
RT_WARN_UNUSED rt_tensor *rt_managed_import(DLManagedTensorVersioned *m, int copy);
/* The C table that `type` itself has, not one it inherits (a subclass may have its own __dlpack__).
 * 1 and *out, 0 when it has none of a version we know, -1 with an exception. */
RT_WARN_UNUSED int rt_exchange_table(PyTypeObject *type, const DLPackExchangeAPI **out);
/* The dtype that (code, bits, lanes) names; RT_NODTYPE with BufferError. */
rt_dtype rt_managed_dtype(const char *op, DLDataType d);
#endif
