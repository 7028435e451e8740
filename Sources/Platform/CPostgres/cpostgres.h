// libpq lies in a sub-folder of the include path that differs between distributions: pkg-config names it.
#include <libpq-fe.h>
