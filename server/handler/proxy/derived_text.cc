// The count and the octets lie in one allocation, as those of a copied slice do.
#include "server/handler/proxy/derived_text.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sluice::handler::proxy {

namespace {

class Memory final : public Owner {
 public:
  static Memory* make(size_t room) { return new (::operator new(sizeof(Memory) + room)) Memory(); }
  // The octets stand right behind the object.
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }

 private:
  void on_unreferenced() noexcept override {
    this->~Memory();
    ::operator delete(static_cast<void*>(this));
  }
};

}  // namespace

DerivedText::DerivedText(size_t room, std::span<char> own) : data_(own.data()), room_(room) {
  if (room <= own.size()) return;
  Memory* const memory = Memory::make(room);
  memory_ = Ref<Owner>(memory);
  data_ = memory->data();
}

DerivedText& DerivedText::text(std::string_view octets) noexcept {
  if (octets.empty()) return *this;
  if (octets.size() > room_ - size_) std::abort();
  std::memcpy(data_ + size_, octets.data(), octets.size());
  size_ += octets.size();
  return *this;
}

DerivedText& DerivedText::number(uint64_t value) noexcept {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return text({digits.data(), static_cast<size_t>(end - digits.data())});
}

}  // namespace sluice::handler::proxy
