#include "net/signals.hpp"

#include "base/assert.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>

namespace causeway::net {
namespace {

constexpr std::array watched{SIGINT, SIGTERM};
constexpr int status_hard_exit = 128 + SIGINT;

// All that a signal handler may touch.
std::atomic<int> first_signal{0};
std::atomic<int> wake_fd{-1};
std::atomic<bool> installed{false};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void causeway_stop_signal(int signal) {
    const int saved = errno;
    int none = 0;
    if (!first_signal.compare_exchange_strong(none, signal) && signal == SIGINT)
        ::_exit(status_hard_exit);
    if (const int fd = wake_fd.load(); fd >= 0) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t n = ::write(fd, &one, sizeof one);
    }
    errno = saved;
}

}  // namespace

struct Signals::State : std::enable_shared_from_this<State> {
    void wait() {
        wake->async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& closed) {
                             if (!closed && self->on_stop) self->on_stop(first_signal.load());
                         });
    }

    std::optional<boost::asio::posix::stream_descriptor> wake;
    std::function<void(int)> on_stop;
    std::array<struct sigaction, watched.size()> before{};
};

Signals::Signals() : state_(std::make_shared<State>()) {
    CAUSEWAY_ASSERT(!installed.exchange(true));
    first_signal = 0;
    struct sigaction action{};
    action.sa_handler = causeway_stop_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < watched.size(); ++i)
        ::sigaction(watched[i], &action, &state_->before[i]);
}

Signals::Signals(Io& io, std::function<void(int)> on_stop) : Signals() {
    state_->on_stop = std::move(on_stop);
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CAUSEWAY_ASSERT(fd >= 0);
    state_->wake.emplace(io, fd);
    state_->wait();
    wake_fd = fd;
}

Signals::~Signals() {
    for (std::size_t i = 0; i < watched.size(); ++i)
        ::sigaction(watched[i], &state_->before[i], nullptr);
    wake_fd = -1;
    if (state_->wake) {
        boost::system::error_code ignored;
        state_->wake->close(ignored);
    }
    installed = false;
}

int Signals::raised() noexcept {
    return first_signal.load();
}

}  // namespace causeway::net
