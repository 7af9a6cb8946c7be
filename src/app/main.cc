// holdfast: everything begins here.

#include "app/check.h"
#include "app/check_data.h"
#include "app/up.h"
#include "app/version.h"
#include "cli/command_line.h"

int main(int argc, char** argv) {
  using namespace holdfast;
  return cli::run(argc, argv, {.version = app::kVersion, .up = app::up, .check = app::check, .check_data = app::check_data});
}
