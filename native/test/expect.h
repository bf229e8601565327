// A small test framework. Node, libtorch and npm bring no C++ test library, and these tests must build
// wherever the addon does.
#pragma once

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tangshi::test {

struct Test {
  std::string suite, name;
  std::function<void()> body;
};

std::vector<Test>& all_tests();

struct Register {
  Register(std::string suite, std::string name, std::function<void()> body) {
    all_tests().push_back({std::move(suite), std::move(name), std::move(body)});
  }
};

template <typename... Parts>
[[noreturn]] void fail(const char* file, int line, const Parts&... parts) {
  std::ostringstream out;
  out << file << ":" << line << ": ";
  (out << ... << parts);
  throw std::runtime_error(out.str());
}

}  // namespace tangshi::test

#define TEST(suite, name)                                                                          \
  static void suite##_##name();                                                                    \
  static const ::tangshi::test::Register register_##suite##_##name(#suite, #name, suite##_##name); \
  static void suite##_##name()

#define EXPECT(condition) \
  if (!(condition)) ::tangshi::test::fail(__FILE__, __LINE__, "not true: " #condition)

#define EXPECT_EQ(actual, expected)                                        \
  if (const auto& [a_, e_] = std::pair((actual), (expected)); !(a_ == e_)) \
  ::tangshi::test::fail(__FILE__, __LINE__, #actual " is ", a_, ", expected ", e_)

#define EXPECT_THROWS(expression, type) \
  if (!([&] {                           \
        try {                           \
          expression;                   \
        } catch (const type&) {         \
          return true;                  \
        }                               \
        return false;                   \
      })())                             \
  ::tangshi::test::fail(__FILE__, __LINE__, #expression " did not throw " #type)
