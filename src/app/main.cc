// holdfast: everything begins here.

#include <holdfast/runtime.h>

int main(int argc, char** argv) { return holdfast::run(argc, argv, {}); }
