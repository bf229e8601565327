// A lock that a dead process does not hold: the kernel drops it with the process (flock).
#pragma once

#include <memory>
#include <string>

namespace tangshi {

class FileLock {
 public:
  // Takes the lock without waiting, and leaves `text` in the file for those who come later; makes the file
  // when it is not there. Null when another holds it. Throws std::system_error.
  static std::unique_ptr<FileLock> take(const std::string& path, const std::string& text);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}
  const int file_;
};

}  // namespace tangshi
