/* A shared library that is no module. */
#include <holdfast/module_abi.h>

HOLDFAST_MODULE_EXPORT int answer_to_everything(void);
int answer_to_everything(void) { return 42; }
