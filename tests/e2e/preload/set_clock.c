// The time of day is off by as many seconds as the file says that SET_CLOCK names.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec* time) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, time);
  const char* path = getenv("SET_CLOCK");
  if (result != 0 || clock != CLOCK_REALTIME || !path) return result;
  const int file = open(path, O_RDONLY);
  if (file < 0) return result;
  char text[32] = {0};
  if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
  close(file);
  return result;
}
