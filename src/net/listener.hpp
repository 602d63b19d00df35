#pragma once
// A socket that takes connections: as many at once as there are, and none when the process has no
// descriptors left, when it hangs up on a few instead and rests. For this room's .cpp files.
#include "net/connector.hpp"
#include "net/stream_host.hpp"
#include "net/stream_shard.hpp"
#include "net/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace causeway::net {

class Listener final : public Pollee {
public:
    /// Owns the descriptor it is given.
    using OnAccepted = std::function<void(std::size_t index, int fd, const SocketAddress& peer)>;

    [[nodiscard]] static std::expected<std::unique_ptr<Listener>, Trouble> open(
        StreamShard& shard, std::size_t index, const ListenSpec& spec);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() override;

    void begin(OnAccepted on_accepted, std::uint64_t& refused_descriptors);
    void stop();
    void ready() override;

    [[nodiscard]] const ListenSpec& spec() const noexcept { return spec_; }
    /// With the port that the kernel chose.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] const TlsContext& tls() const noexcept { return tls_; }
    [[nodiscard]] std::optional<Trouble> reload(const TlsServer& tls);

    std::uint32_t streams = 0;  // that the host has not done with; it counts

private:
    Listener(StreamShard& shard, std::size_t index, const ListenSpec& spec);
    [[nodiscard]] std::optional<Trouble> bind_unix(const std::string& path);
    [[nodiscard]] std::optional<Trouble> bind_ip();
    [[nodiscard]] bool hang_up_on_one();

    StreamShard& shard_;
    std::size_t index_;
    ListenSpec spec_;
    TlsContext tls_;
    std::string address_;
    std::string unlink_;  // a Unix socket's path, to be removed
    OnAccepted on_accepted_;
    std::uint64_t* refused_descriptors_ = nullptr;
    int fd_ = -1;
    int spare_ = -1;
};

}  // namespace causeway::net
