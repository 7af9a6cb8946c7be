#include "functions.h"

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  functions.bind({bank::kAccount, {bank::kBalance}, bank::account});
  functions.bind({bank::kTransfer, {bank::kUnderWay, bank::kEnded}, bank::transfer});
  return functions;
}
