// Without support for exceptions, a throw becomes a JavaScript exception. Nothing is caught or freed: the
// module must not be used afterwards.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <typeinfo>

extern "C" {
// is_invalid: the arguments were wrong. Otherwise a container was to grow beyond what is possible.
__attribute__((import_module("writer"), import_name("fail"))) void fail(const char* message, size_t bytes,
                                                                        bool is_invalid);

void* __cxa_allocate_exception(size_t bytes) { return std::malloc(bytes); }

// Every exception of this code is a std::exception, without other bases.
[[noreturn]] void __cxa_throw(void* exception, void* type, void (*)(void*)) {
  const char* message = static_cast<std::exception*>(exception)->what();
  fail(message, std::strlen(message), *static_cast<std::type_info*>(type) == typeid(std::invalid_argument));
  std::abort();
}
}
