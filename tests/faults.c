/* Lets one file call of a program fail, for tests/it/faults.rs: loaded in front of the C library.
 *
 *   FAULT_ROOT     only calls on files below this directory count
 *   FAULT_AT=N     the Nth of them fails ...
 *   FAULT_FROM=N   ... or each from the Nth on that needs room on the disk
 *   FAULT_ERRNO=E  with this error
 *   FAULT_REPORT   a file that is told, at the end, how many there were and which one failed first
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FDS 65536

static const char *root, *report;
static long fail_at, fail_from;
static int fail_errno;
static atomic_long n_calls;
static atomic_int is_reported;
static char failed[512] = "-";
static atomic_char is_ours[MAX_FDS];

__attribute__((constructor)) static void set_up(void) {
    const char *text;
    root = getenv("FAULT_ROOT");
    report = getenv("FAULT_REPORT");
    fail_at = (text = getenv("FAULT_AT")) ? atol(text) : 0;
    fail_from = (text = getenv("FAULT_FROM")) ? atol(text) : 0;
    fail_errno = (text = getenv("FAULT_ERRNO")) ? atoi(text) : EIO;
}

static int below_root(const char *path) {
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

/* Counts a call; whether it is to fail. */
static int fails(const char *call, const char *what, int needs_room) {
    long number = atomic_fetch_add(&n_calls, 1) + 1;
    if (!(number == fail_at || (fail_from && number >= fail_from && needs_room)))
        return 0;
    if (!atomic_exchange(&is_reported, 1))
        snprintf(failed, sizeof failed, "%s %s", call, what);
    errno = fail_errno;
    return 1;
}

static int ours(int fd) { return fd >= 0 && fd < MAX_FDS && is_ours[fd]; }

static int fails_fd(const char *call, int fd, int needs_room) {
    char link[64], what[400];
    if (!ours(fd))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, what, sizeof what - 1);
    what[n > 0 ? n : 0] = 0;
    return fails(call, what, needs_room);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((destructor)) static void tell(void) {
    char text[600];
    if (!report)
        return;
    int fd = REAL(open)(report, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int n = snprintf(text, sizeof text, "%ld %s", (long)n_calls, failed);
    if (fd >= 0 && REAL(write)(fd, text, (size_t)n) < 0)
        _exit(70);
    REAL(close)(fd);
}

static int note(int fd, const char *path) {
    if (fd >= 0 && fd < MAX_FDS)
        is_ours[fd] = (char)below_root(path);
    return fd;
}

#define OPEN(name)                                                            \
    int name(const char *path, int flags, ...) {                              \
        va_list args;                                                         \
        va_start(args, flags);                                                \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0; \
        va_end(args);                                                         \
        if (below_root(path) && fails("open", path, flags & O_CREAT))         \
            return -1;                                                        \
        return note(REAL(name)(path, flags, mode), path);                     \
    }
OPEN(open)
OPEN(open64)

#define ON_FD(type, name, needs_room, parameters, ...)                        \
    type name parameters {                                                    \
        return fails_fd(#name, fd, needs_room) ? -1 : REAL(name)(__VA_ARGS__); \
    }
ON_FD(ssize_t, read, 0, (int fd, void *to, size_t n), fd, to, n)
ON_FD(ssize_t, pread64, 0, (int fd, void *to, size_t n, off64_t at), fd, to, n, at)
ON_FD(ssize_t, write, 1, (int fd, const void *from, size_t n), fd, from, n)
ON_FD(ssize_t, pwrite64, 1, (int fd, const void *from, size_t n, off64_t at), fd, from, n, at)
ON_FD(int, fsync, 1, (int fd), fd)
ON_FD(int, fdatasync, 1, (int fd), fd)
ON_FD(int, ftruncate64, 1, (int fd, off64_t n), fd, n)
ON_FD(int, flock, 0, (int fd, int operation), fd, operation)

#define ON_PATH(type, name, failure, needs_room, parameters, ...)             \
    type name parameters {                                                    \
        if (below_root(path) && fails(#name, path, needs_room))               \
            return failure;                                                   \
        return REAL(name)(__VA_ARGS__);                                       \
    }
ON_PATH(int, rename, -1, 0, (const char *path, const char *to), path, to)
ON_PATH(int, unlink, -1, 0, (const char *path), path)
ON_PATH(int, mkdir, -1, 1, (const char *path, mode_t mode), path, mode)
ON_PATH(DIR *, opendir, NULL, 0, (const char *path), path)

int close(int fd) {
    if (fd >= 0 && fd < MAX_FDS)
        is_ours[fd] = 0;
    return REAL(close)(fd);
}
