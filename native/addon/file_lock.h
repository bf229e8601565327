// A file lock (flock) that the kernel releases when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

namespace tangshi {

class FileLock {
 public:
  // Takes the lock without waiting, and writes `text` to the file, which is created if necessary. Returns
  // null if the lock is taken. Throws std::system_error.
  static std::unique_ptr<FileLock> take(const std::string& path, const std::string& text);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}
  const int file_;
};

}  // namespace tangshi
