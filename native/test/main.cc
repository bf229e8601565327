// Runs all tests of a program, or those of the suite given as its argument.
#include <algorithm>
#include <cstdio>
#include <string>

#include "expect.h"

namespace tangshi::test {

std::vector<Test>& all_tests() {
  static std::vector<Test> tests;
  return tests;
}

}  // namespace tangshi::test

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const auto& test : tangshi::test::all_tests()) {
    if (argc > 1 && test.suite != argv[1]) continue;
    try {
      test.body();
      passed++;
    } catch (const std::exception& error) {
      failed++;
      std::string message = error.what();
      message.resize(
          std::min(message.find("\nException raised from"), message.size()));  // without libtorch's backtrace
      std::printf("FAILED %s.%s\n  %s\n", test.suite.c_str(), test.name.c_str(), message.c_str());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}
