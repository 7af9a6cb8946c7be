#include "functions.h"

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  showcase::bind_types(functions);
  showcase::bind_messages(functions);
  showcase::bind_egress(functions);
  showcase::bind_states(functions);
  showcase::bind_async(functions);
  return functions;
}
