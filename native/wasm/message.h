// Arguments and results of the WebAssembly module: one array of 64-bit words, read and written in order by
// both sides (lib/browser/message.ts). A number or flag is a double; an array is its length, then its
// elements, padded to whole words.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace tangshi {

class MessageReader {
 public:
  explicit MessageReader(const double* word) : word_(word) {}

  double number() { return *word_++; }
  int64_t integer() { return static_cast<int64_t>(number()); }
  bool flag() { return number() != 0; }

  template <typename Element>
  std::vector<Element> array() {
    std::vector<Element> elements(integer());
    const size_t bytes = elements.size() * sizeof(Element);
    if (bytes > 0) std::memcpy(elements.data(), word_, bytes);
    word_ += (bytes + sizeof(double) - 1) / sizeof(double);
    return elements;
  }

  std::string text() {
    const std::vector<char> bytes = array<char>();
    return {bytes.begin(), bytes.end()};
  }

  template <typename Element>
  std::vector<std::vector<Element>> arrays() {
    std::vector<std::vector<Element>> all(integer());
    for (auto& elements : all) elements = array<Element>();
    return all;
  }

 private:
  const double* word_;
};

class MessageWriter {
 public:
  void number(double value) { words_.push_back(value); }

  template <typename Element>
  void array(std::span<const Element> elements) {
    number(static_cast<double>(elements.size()));
    const size_t start = words_.size(), bytes = elements.size_bytes();
    words_.resize(start + (bytes + sizeof(double) - 1) / sizeof(double));
    if (bytes > 0) std::memcpy(words_.data() + start, elements.data(), bytes);
  }

  std::vector<double> words() && { return std::move(words_); }

 private:
  std::vector<double> words_;
};

}  // namespace tangshi
