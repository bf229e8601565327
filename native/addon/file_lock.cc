#include "addon/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace tangshi {

std::unique_ptr<FileLock> FileLock::take(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) throw std::system_error(errno, std::generic_category());
  std::unique_ptr<FileLock> lock(new FileLock(file));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return nullptr;
    throw std::system_error(errno, std::generic_category());
  }
  // On a full disk the file stays empty, but the lock is still held.
  if (ftruncate(file, 0) != 0 || write(file, text.data(), text.size()) < 0) return lock;
  return lock;
}

FileLock::~FileLock() { close(file_); }

}  // namespace tangshi
