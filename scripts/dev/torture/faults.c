// Simulates I/O errors: preloaded into a process (LD_PRELOAD), it makes calls on paths under FAULT_UNDER
// fail.
//   FAULT_AT     index of the first call to fail, from 1; 0 for none
//   FAULT_MANY   number of calls that fail from there on; 0 for all
//   FAULT_ERRNO  the error
//   FAULT_LOG    a file to append the name of every call to, one per line
// A write that fails writes half of its bytes first, as on a disk that becomes full.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls = 0;

static long setting(const char* name) {
  const char* value = getenv(name);
  return value ? atol(value) : 0;
}

static int is_under(const char* path) {
  const char* under = getenv("FAULT_UNDER");
  return under && path && strncmp(path, under, strlen(under)) == 0;
}

static int is_file_under(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_under(path);
}

// Counts a call on a path under FAULT_UNDER. Returns whether it has to fail.
static int fails(const char* name) {
  const long call = ++calls, at = setting("FAULT_AT"), many = setting("FAULT_MANY");
  const char* log = getenv("FAULT_LOG");
  if (log) {
    FILE* file = fopen(log, "a");
    if (file) {
      fprintf(file, "%s\n", name);
      fclose(file);
    }
  }
  if (at == 0 || call < at || (many != 0 && call >= at + many)) return 0;
  errno = (int)setting("FAULT_ERRNO");
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int opened(const char* name, int (*real)(const char*, int, ...), const char* path, int flags, mode_t mode) {
  if (is_under(path) && (flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails(name)) return -1;
  return real(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened("open", REAL(open), path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened("open", REAL(open64), path, flags, mode);
}

ssize_t write(int file, const void* bytes, size_t count) {
  if (is_file_under(file) && fails("write")) {
    const int error = errno;
    if (count > 1) REAL(write)(file, bytes, count / 2);
    errno = error;
    return -1;
  }
  return REAL(write)(file, bytes, count);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  if (is_file_under(file) && fails("write")) return -1;
  return REAL(pwrite64)(file, bytes, count, at);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  if (is_file_under(file) && fails("write")) return -1;
  return REAL(pwrite)(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  if (is_file_under(file) && fails("write")) return -1;
  return REAL(writev)(file, parts, count);
}

int fsync(int file) { return is_file_under(file) && fails("fsync") ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return is_file_under(file) && fails("fsync") ? -1 : REAL(fdatasync)(file); }
int rename(const char* from, const char* to) { return is_under(to) && fails("rename") ? -1 : REAL(rename)(from, to); }
int link(const char* from, const char* to) { return is_under(to) && fails("link") ? -1 : REAL(link)(from, to); }
int unlink(const char* path) { return is_under(path) && fails("unlink") ? -1 : REAL(unlink)(path); }
int mkdir(const char* path, mode_t mode) { return is_under(path) && fails("mkdir") ? -1 : REAL(mkdir)(path, mode); }
