/*
 * A disk of another speed, for `make bench`: preloaded (LD_PRELOAD) into a Manager.
 *
 * SLOW_FSYNC_MS is how many milliseconds more fsync and fdatasync take; if it is negative they do nothing at all.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int flushed(const char *name, int fd)
{
    const char *given = getenv("SLOW_FSYNC_MS");
    long ms = given ? atol(given) : 0;
    struct timespec rest = {ms / 1000, ms % 1000 * 1000 * 1000};
    if (ms < 0) return 0;
    while (ms && nanosleep(&rest, &rest) != 0) { }
    return ((int (*)(int)) dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd)
{
    return flushed("fsync", fd);
}

int fdatasync(int fd)
{
    return flushed("fdatasync", fd);
}
