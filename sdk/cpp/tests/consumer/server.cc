#include <holdfast/sdk/server.h>

#include "functions.h"

int main(int, char** argv) { return holdfast::sdk::serve(make_functions(), {.unix_path = argv[1]}); }
