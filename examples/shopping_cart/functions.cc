#include "functions.h"

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  functions.bind({std::string(shop::kStock), {shop::kStockState}, shop::stock});
  functions.bind({std::string(shop::kBasket), {shop::kBasketState, shop::kPaying}, shop::basket});
  return functions;
}
