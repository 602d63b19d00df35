#pragma once
// Many client endpoints on few sockets, for the load generator. Towards 127.0.0.0/8 one socket
// does: every datagram says which loopback address it comes from. Elsewhere each endpoint is a
// socket. Datagrams leave and arrive in batches (sendmmsg, recvmmsg); nothing is allocated on the
// way.
#include "base/bytes.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace causeway::cli {

/// Where a generator sends to.
struct BenchTarget {
    sockaddr_storage address{};
    socklen_t octets = 0;

    [[nodiscard]] bool is_loopback_v4() const noexcept;
};

class BenchSockets {
public:
    static constexpr std::size_t datagram_octets_max = 1500;
    static constexpr std::size_t batch_size = 64;
    /// More endpoints than this only towards 127.0.0.0/8.
    static constexpr std::uint32_t sockets_max = 1'000;
    /// As many as 127.1.0.0 and its successors hold.
    static constexpr std::uint32_t endpoints_max = 4'000'000;

    [[nodiscard]] static std::expected<BenchSockets, std::string> open(const BenchTarget& target,
                                                                       std::uint32_t endpoints);
    BenchSockets(BenchSockets&&) noexcept;
    BenchSockets& operator=(BenchSockets&&) noexcept;
    ~BenchSockets();

    /// Room for a datagram from `endpoint`, to be filled before the next call.
    [[nodiscard]] MutableBytes add(std::uint32_t endpoint, std::size_t octets);
    /// What was added leaves; what the kernel does not take is lost, and counted.
    void flush();

    /// Hands on what has arrived, a batch for each socket at most. False when there was nothing.
    bool receive(const std::function<void(std::uint32_t endpoint, Bytes datagram)>& on_datagram);
    /// Until something arrives.
    void wait(std::chrono::microseconds most);

    [[nodiscard]] std::uint32_t endpoints() const noexcept;
    [[nodiscard]] std::uint64_t refused() const noexcept;

private:
    struct State;
    explicit BenchSockets(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

/// A name or an address; in the second case nothing is asked.
[[nodiscard]] std::expected<BenchTarget, std::string> bench_target_of(const std::string& host,
                                                                      std::uint16_t port,
                                                                      std::uint32_t scope);

/// Sends every datagram back, with the same calls and nothing else: the floor that servers are
/// measured against. On a child process, pinned to `core` unless that is negative; it ends with
/// the object.
class EchoFloor {
public:
    [[nodiscard]] static std::expected<EchoFloor, std::string> start(int core);
    EchoFloor(EchoFloor&& other) noexcept;
    EchoFloor& operator=(EchoFloor&&) = delete;
    ~EchoFloor();
    [[nodiscard]] const BenchTarget& target() const noexcept { return target_; }
    [[nodiscard]] int pid() const noexcept { return child_; }

private:
    EchoFloor(int child, const BenchTarget& target) : child_(child), target_(target) {}
    int child_;
    BenchTarget target_;
};

}  // namespace causeway::cli
