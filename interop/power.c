/* Writes down what a process does to the files of one folder, and when it answers over sockets, so that a test can tell what a power cut would have left.

   Loaded with LD_PRELOAD. POWER_FOLDER is the folder, POWER_LOG the file for the record. Each entry is a line, and behind that of a write its bytes:
     W PATH OFFSET LENGTH, T PATH LENGTH (cut or made longer), S PATH (is on the disk now), R OLD NEW (renamed), U PATH (removed), A (an answer). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static void entry(const void *bytes, size_t length, const char *format, ...) {
    char line[2 * PATH_MAX + 64];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (log_fd < 0)
        log_fd = syscall(SYS_openat, AT_FDCWD, getenv("POWER_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct iovec parts[2] = {{line, size}, {(void *)bytes, length}};
    if (syscall(SYS_writev, log_fd, parts, 2) != (long)(size + length))
        abort();
}

/* The path of a descriptor, if it is in the folder. SQLite's index of its log is no file that has to be kept. */
static const char *path_of(int fd, char *path) {
    char link[64];
    const char *folder = getenv("POWER_FOLDER");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (!folder || length < 0)
        return NULL;
    path[length] = 0;
    size_t name = strlen(path);
    if (strncmp(path, folder, strlen(folder)) || (name > 4 && !strcmp(path + name - 4, "-shm")))
        return NULL;
    return path;
}

static int is_socket(int fd) {
    struct stat what;
    return fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
}

static int is_answer(int fd) {
    return getenv("POWER_FOLDER") && is_socket(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
    char place[PATH_MAX];
    const char *path = path_of(fd, place);
    if (!path && !is_answer(fd))
        return syscall(SYS_write, fd, bytes, length);
    pthread_mutex_lock(&lock);
    if (!path)
        entry(NULL, 0, "A\n");
    off_t offset = !path ? 0 : (fcntl(fd, F_GETFL) & O_APPEND) ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t written = syscall(SYS_write, fd, bytes, length);
    if (path && written > 0)
        entry(bytes, written, "W %s %lld %zd\n", path, (long long)offset, written);
    pthread_mutex_unlock(&lock);
    return written;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset) {
    char place[PATH_MAX];
    const char *path = path_of(fd, place);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, length, offset);
    if (path && written > 0)
        entry(bytes, written, "W %s %lld %zd\n", path, (long long)offset, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset); }

static int cut(int fd, off64_t length) {
    char place[PATH_MAX];
    const char *path = path_of(fd, place);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_ftruncate, fd, length);
    if (path && result == 0)
        entry(NULL, 0, "T %s %lld\n", path, (long long)length);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int synced(int fd, long number) {
    char place[PATH_MAX];
    const char *path = path_of(fd, place);
    int result = syscall(number, fd);
    pthread_mutex_lock(&lock);
    if (path && result == 0)
        entry(NULL, 0, "S %s\n", path);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int rename(const char *old, const char *new) {
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    if (getenv("POWER_FOLDER") && result == 0)
        entry(NULL, 0, "R %s %s\n", old, new);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (getenv("POWER_FOLDER") && result == 0)
        entry(NULL, 0, "U %s\n", path);
    pthread_mutex_unlock(&lock);
    return result;
}

#define ANSWER(fd)                        \
    if (is_answer(fd)) {                  \
        pthread_mutex_lock(&lock);        \
        entry(NULL, 0, "A\n");            \
        pthread_mutex_unlock(&lock);      \
    }

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    ANSWER(fd)
    return REAL(send)(fd, bytes, length, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    ANSWER(fd)
    return REAL(sendto)(fd, bytes, length, flags, to, size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    ANSWER(fd)
    return REAL(sendmsg)(fd, message, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ANSWER(fd)
    return REAL(writev)(fd, parts, count);
}
