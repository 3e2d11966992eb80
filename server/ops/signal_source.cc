// A signalfd.
#include "server/ops/signal_source.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::ops {

sigset_t block_signals() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int SignalSource::open(const sigset_t& signals) {
  descriptor_ = net::Descriptor(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  return descriptor_.get() < 0 ? errno : loop_.watch_readable(descriptor_.get(), *this);
}

void SignalSource::on_event(uint32_t) {
  signalfd_siginfo told{};
  while (::read(descriptor_.get(), &told, sizeof told) == sizeof told)
    receiver_.on_signal(static_cast<int>(told.ssi_signo));
}

}  // namespace sluice::ops
