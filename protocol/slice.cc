// Slices over memory of their own: the count and the octets lie in one allocation of exact size.
#include "protocol/slice.h"

#include <cstring>
#include <new>

namespace sluice {

namespace {

class OwnedCopy final : public Owner {
 public:
  static OwnedCopy* make(std::string_view octets) {
    void* memory = ::operator new(sizeof(OwnedCopy) + octets.size());
    auto* copy = new (memory) OwnedCopy();
    if (!octets.empty()) std::memcpy(copy->data(), octets.data(), octets.size());
    return copy;
  }
  // The octets stand right behind the object.
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }

 private:
  void on_unreferenced() noexcept override {
    this->~OwnedCopy();
    ::operator delete(static_cast<void*>(this));
  }
};

}  // namespace

Slice copy_of(std::string_view octets) {
  if (octets.empty()) return {};
  OwnedCopy* copy = OwnedCopy::make(octets);
  return Slice(Ref<Owner>(copy), copy->data(), octets.size());
}

}  // namespace sluice
