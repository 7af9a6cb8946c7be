/* The smallest module, in C: functions without effects. */
#include <holdfast/module_abi.h>

static const holdfast_host* the_host;

static void* create(const holdfast_host* host, char* error, size_t error_size) {
  (void)error;
  (void)error_size;
  the_host = host;
  return &the_host;
}

static void invoke(void* instance, const holdfast_request* request) {
  (void)instance;
  the_host->answer(request->call, 0, 0);
}

static const holdfast_function functions[] = {{"plain/quick", HOLDFAST_QUICK, 0}, {"plain/blocking", HOLDFAST_BLOCKING, 0}};

static const holdfast_module_descriptor descriptor = {
    sizeof(holdfast_module_descriptor),
    HOLDFAST_ABI_MAJOR,
    HOLDFAST_ABI_MINOR,
    0, /* Says nothing of what made it, */
    0, /* nor of what it is made. */
    functions,
    sizeof functions / sizeof functions[0],
    sizeof functions[0],
    create,
    invoke,
    0,
    0,
    0,
};

const holdfast_module_descriptor* holdfast_module(void) { return &descriptor; }
