// How workers wake the log's writer thread, seldom.
//
// The problem: a system call per line would cost more than the line, and a writer that looks by
// itself every so often keeps an idle machine awake. So the writer says what it waits for, and a
// worker rings only for that: the first line after silence, or a ring that is half full while the
// writer gathers. One ring per wait, whoever comes first.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::ops {

class Bell {
 public:
  enum class Waiting : uint8_t {
    no,         // the writer is at work, or its destination is stuck: nothing helps
    half_full,  // it gathers lines and looks again soon by itself
    any,        // it sleeps until there is a line
  };

  // Makes an eventfd. ok() is false when there was no descriptor for it.
  Bell() noexcept;
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  bool ok() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }

  // Writer. Must look at the rings once more after saying `any`: a line committed before may not
  // have rung.
  void wait_for(Waiting what) noexcept { waiting_.store(what, std::memory_order_seq_cst); }
  // Writer. Forgets the rings until now.
  void quiet() noexcept;

  // A worker, after a sequentially consistent commit of a line.
  Waiting waiting() const noexcept { return waiting_.load(std::memory_order_seq_cst); }
  // Any thread. Wakes the writer unless somebody did so since its last wait_for().
  void ring() noexcept;
  // Any thread. Wakes the writer whatever it waits for.
  void ring_always() noexcept;

 private:
  const int descriptor_;
  alignas(64) std::atomic<Waiting> waiting_{Waiting::no};
};

}  // namespace sluice::ops
