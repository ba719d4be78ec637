/* Writes down, in their order, all changes that a process makes below one directory, and when it asks for them to be on
 * the disk: preloaded (LD_PRELOAD) into a process that uses a store.
 *
 * POWERCUT_ROOT is the directory, POWERCUT_RECORD the file to write to. What the process says on its standard output
 * becomes part of the record, so that it is known what had been said at each instant. The real syncs are left out: they
 * take POWERCUT_SYNC_US microseconds instead, whatever the disk of this machine does. SQLite's shared memory (-shm) is
 * left out, too: it is mapped, never synced, and made anew from the log by whoever opens the store next.
 *
 * A record is 32 bytes and then its text: u32 kind, u32 length of the text, u64 which file, u64 a number, u64 a number.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC, SYNCED, SAID, UNKNOWN };
enum { MOST_FILES = 65536, OWN_FD = 400 };

#define REAL(result, name, ...)                                                                                        \
    static result (*real_##name)(__VA_ARGS__);                                                                         \
    if (!real_##name) real_##name = (result(*)(__VA_ARGS__)) dlsym(RTLD_NEXT, #name)

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static unsigned char tracked[MOST_FILES];
static char root[PATH_MAX];
static size_t root_length;
static int record_fd = -1;
static long sync_us;
static uint64_t syncs;

static ssize_t plain_write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, write, int, const void *, size_t);
    return real_write(fd, data, size);
}

static void put(const void *data, size_t size)
{
    const char *next = data;
    while (size) {
        ssize_t done = plain_write(record_fd, next, size);
        if (done < 0) {
            if (errno == EINTR) continue;
            _exit(99); /* a record with a gap would prove nothing */
        }
        next += done;
        size -= (size_t) done;
    }
}

static void note(uint32_t kind, uint64_t file, uint64_t a, uint64_t b, const void *text, size_t length)
{
    struct { uint32_t kind, length; uint64_t file, a, b; } head = {kind, (uint32_t) length, file, a, b};
    int saved = errno;
    put(&head, sizeof head);
    put(text, length);
    errno = saved;
}

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("POWERCUT_ROOT"), *record = getenv("POWERCUT_RECORD"), *us = getenv("POWERCUT_SYNC_US");
    if (!where || !record) return;
    snprintf(root, sizeof root, "%s/", where);
    root_length = strlen(root);
    sync_us = us ? atol(us) : 0;
    int fd = open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    record_fd = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD);
    close(fd);
}

/* Writes the whole name of a file, and returns whether what happens to it is to be recorded. */
static int whole(int at, const char *path, char *name)
{
    if (record_fd < 0) return 0;
    if (path[0] == '/') {
        snprintf(name, PATH_MAX, "%s", path);
    } else {
        char link[64], directory[PATH_MAX];
        ssize_t length;
        if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        length = readlink(link, directory, sizeof directory - 1);
        if (length < 0) return 0;
        directory[length] = 0;
        if (snprintf(name, PATH_MAX, "%s/%s", directory, path) >= PATH_MAX) return 0;
    }
    size_t length = strlen(name);
    if (length > 4 && !strcmp(name + length - 4, "-shm")) return 0;
    return !strncmp(name, root, root_length) || (length + 1 == root_length && !strncmp(name, root, length));
}

static uint64_t number_of(int fd)
{
    struct stat found;
    return fstat(fd, &found) ? 0 : (uint64_t) found.st_ino;
}

static int is_tracked(int fd) { return fd >= 0 && fd < MOST_FILES && tracked[fd]; }

static void unknown(const char *what) { note(UNKNOWN, 0, 0, 0, what, strlen(what)); }

static int opened(int at, const char *path, int flags, mode_t mode)
{
    REAL(int, openat64, int, const char *, int, mode_t);
    char name[PATH_MAX];
    int wanted = whole(at, path, name);
    pthread_mutex_lock(&order);
    int was_there = wanted && !faccessat(at, path, F_OK, 0);
    int fd = real_openat64(at, path, flags, mode);
    if (fd >= 0 && fd < MOST_FILES) {
        tracked[fd] = (unsigned char) wanted;
        if (wanted && (flags & O_TMPFILE) == O_TMPFILE) unknown("O_TMPFILE");
        else if (wanted && (flags & O_CREAT) && !was_there) note(CREATE, number_of(fd), 0, 0, name, strlen(name));
        else if (wanted && (flags & O_TRUNC)) note(TRUNCATE, number_of(fd), 0, 0, "", 0);
    }
    pthread_mutex_unlock(&order);
    return fd;
}

#define MODE_OF(flags, last)                                                                                           \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list more;                                                                                                  \
        va_start(more, last);                                                                                          \
        mode = va_arg(more, mode_t);                                                                                   \
        va_end(more);                                                                                                  \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags, flags) return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags, flags) return opened(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd)
{
    REAL(int, close, int);
    if (fd == record_fd && fd >= 0) return 0;
    if (fd >= 0 && fd < MOST_FILES) tracked[fd] = 0;
    return real_close(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
    int said = fd == 1 && record_fd >= 0;
    if (!said && !is_tracked(fd)) return plain_write(fd, data, size);
    pthread_mutex_lock(&order);
    ssize_t done = plain_write(fd, data, size);
    if (done > 0 && said) note(SAID, 0, 0, 0, data, (size_t) done);
    else if (done > 0) note(WRITE, number_of(fd), (uint64_t) (lseek(fd, 0, SEEK_CUR) - done), 0, data, (size_t) done);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    if (!is_tracked(fd)) return real_pwrite64(fd, data, size, at);
    pthread_mutex_lock(&order);
    ssize_t done = real_pwrite64(fd, data, size, at);
    if (done > 0) note(WRITE, number_of(fd), (uint64_t) at, 0, data, (size_t) done);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int ftruncate64(int fd, off64_t size)
{
    REAL(int, ftruncate64, int, off64_t);
    if (!is_tracked(fd)) return real_ftruncate64(fd, size);
    pthread_mutex_lock(&order);
    int failed = real_ftruncate64(fd, size);
    if (!failed) note(TRUNCATE, number_of(fd), (uint64_t) size, 0, "", 0);
    pthread_mutex_unlock(&order);
    return failed;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int synced(int fd, int (*real)(int))
{
    if (!is_tracked(fd)) return real(fd);
    struct timespec rest = {sync_us / 1000000, sync_us % 1000000 * 1000};
    pthread_mutex_lock(&order);
    uint64_t file = number_of(fd), number = ++syncs;
    note(SYNC, file, number, 0, "", 0);
    pthread_mutex_unlock(&order);
    while (sync_us && nanosleep(&rest, &rest) != 0) { }
    pthread_mutex_lock(&order);
    note(SYNCED, file, number, 0, "", 0);
    pthread_mutex_unlock(&order);
    return 0;
}

int fsync(int fd)
{
    REAL(int, fsync, int);
    return synced(fd, real_fsync);
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, int);
    return synced(fd, real_fdatasync);
}

/* What happens to two names, recorded as both of them. */
static int named(uint32_t kind, int failed, const char *from, const char *to)
{
    char both[2 * PATH_MAX];
    size_t first = strlen(from) + 1, second = to ? strlen(to) : 0;
    if (failed) return failed;
    memcpy(both, from, first);
    if (to) memcpy(both + first, to, second);
    note(kind, 0, 0, 0, both, to ? first + second : first - 1);
    return failed;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    REAL(int, renameat, int, const char *, int, const char *);
    char old[PATH_MAX], new[PATH_MAX];
    int wanted = whole(from_at, from, old) | whole(to_at, to, new) << 1;
    pthread_mutex_lock(&order);
    int failed = real_renameat(from_at, from, to_at, to);
    if (wanted == 3) named(RENAME, failed, old, new);
    else if (wanted && !failed) unknown("a file came from elsewhere, or went there");
    pthread_mutex_unlock(&order);
    return failed;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    REAL(int, linkat, int, const char *, int, const char *, int);
    char old[PATH_MAX], new[PATH_MAX];
    int wanted = whole(from_at, from, old) | whole(to_at, to, new) << 1;
    pthread_mutex_lock(&order);
    int failed = real_linkat(from_at, from, to_at, to, flags);
    if (wanted == 3) named(LINK, failed, old, new);
    else if (wanted && !failed) unknown("a link from elsewhere, or to there");
    pthread_mutex_unlock(&order);
    return failed;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *path, int flags)
{
    REAL(int, unlinkat, int, const char *, int);
    char name[PATH_MAX];
    int wanted = whole(at, path, name);
    pthread_mutex_lock(&order);
    int failed = real_unlinkat(at, path, flags);
    if (wanted) named(flags & AT_REMOVEDIR ? RMDIR : UNLINK, failed, name, NULL);
    pthread_mutex_unlock(&order);
    return failed;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode)
{
    REAL(int, mkdirat, int, const char *, mode_t);
    char name[PATH_MAX];
    struct stat found;
    int wanted = whole(at, path, name);
    pthread_mutex_lock(&order);
    int failed = real_mkdirat(at, path, mode);
    if (wanted && !failed && !stat(name, &found)) note(MKDIR, (uint64_t) found.st_ino, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&order);
    return failed;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* Whoever copies by these falls back on reading and writing. */
static ssize_t refused(int fd, int error, ssize_t (*real)(int, int, void *, size_t), int from, void *at, size_t size)
{
    if (!is_tracked(fd)) return real(fd, from, at, size);
    errno = error;
    return -1;
}

ssize_t sendfile(int to, int from, off_t *at, size_t size)
{
    REAL(ssize_t, sendfile64, int, int, void *, size_t);
    return refused(to, ENOTSOCK, real_sendfile64, from, at, size);
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, at, size); }

/* What nobody is known to use here; if that changes, the record says that it is not complete. */
#define NOT_RECORDED(result, name, fd, declared, given)                                                                \
    result name declared                                                                                               \
    {                                                                                                                  \
        static result(*real) declared;                                                                                 \
        if (!real) real = (result(*) declared) dlsym(RTLD_NEXT, #name);                                                \
        if (is_tracked(fd)) unknown(#name);                                                                            \
        return real given;                                                                                             \
    }

NOT_RECORDED(ssize_t, writev, fd, (int fd, const struct iovec *parts, int count), (fd, parts, count))
NOT_RECORDED(ssize_t, pwritev64, fd, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))
NOT_RECORDED(int, fallocate64, fd, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size))
NOT_RECORDED(int, posix_fallocate64, fd, (int fd, off64_t at, off64_t size), (fd, at, size))
NOT_RECORDED(ssize_t, copy_file_range, to,
             (int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags),
             (from, from_at, to, to_at, size, flags))

void *mmap64(void *where, size_t size, int protection, int flags, int fd, off64_t at)
{
    REAL(void *, mmap64, void *, size_t, int, int, int, off64_t);
    if (is_tracked(fd) && (protection & PROT_WRITE) && (flags & MAP_SHARED)) unknown("mmap");
    return real_mmap64(where, size, protection, flags, fd, at);
}

void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t at)
{
    return mmap64(where, size, protection, flags, fd, at);
}
