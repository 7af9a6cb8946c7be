#include "functions.h"

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  functions.bind({shop::kStock, {shop::kStockState}, shop::stock});
  functions.bind({shop::kBasket, {shop::kBasketState, shop::kPaying}, shop::basket});
  return functions;
}
