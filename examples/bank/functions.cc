#include "functions.h"

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  functions.bind({std::string(bank::kAccount), {bank::kBalance}, bank::account});
  functions.bind({std::string(bank::kTransfer), {bank::kUnderWay, bank::kEnded}, bank::transfer});
  return functions;
}
