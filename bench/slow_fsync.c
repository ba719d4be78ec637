/* A disk whose fsync takes 8 ms more, for `make bench`: preloaded (LD_PRELOAD) into the Manager alone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void pause_8_ms(void)
{
    struct timespec rest = {0, 8 * 1000 * 1000};
    while (nanosleep(&rest, &rest) != 0) { }
}

int fsync(int fd)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    pause_8_ms();
    return real(fd);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    pause_8_ms();
    return real(fd);
}
