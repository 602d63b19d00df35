#pragma once
// What can be said of a DTLS datagram without any key: its records, whether it is a ClientHello,
// and whether the cookie in it is one of ours. [RFC 6347 §4.1, §4.2.1] For dtls*.cpp.
#include "base/bytes.hpp"
#include "net/endpoint.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace causeway::net {

/// Of application data. [RFC 6347 §4.1.1; RFC 5246 §6.2.1]
inline constexpr unsigned record_octets_max = 1 << 14;

enum class DtlsContent : std::uint8_t {
    change_cipher_spec = 20,
    alert = 21,
    handshake = 22,
    application_data = 23,
};

struct DtlsRecord {
    DtlsContent content{};
    std::uint16_t epoch = 0;
    std::uint64_t sequence = 0;  // 48 bits
    Bytes whole;                 // with its header
    Bytes fragment;
};

/// Takes the next record off `rest`; nullopt when what is there is none.
[[nodiscard]] std::optional<DtlsRecord> next_record(Bytes& rest) noexcept;

struct DtlsHello {
    std::array<std::byte, 32> random{};
    bool has_cookie = false;
};
/// A datagram that begins with a ClientHello in one piece.
[[nodiscard]] std::optional<DtlsHello> as_client_hello(Bytes datagram) noexcept;

/// Which records of an epoch have arrived. [RFC 6347 §4.1.2.6]
class DtlsReplayWindow {
public:
    [[nodiscard]] bool seen(std::uint64_t sequence) const noexcept;
    /// Of a record that proved authentic.
    void mark(std::uint64_t sequence) noexcept;

private:
    static constexpr std::uint64_t width = 64;
    std::uint64_t highest_ = 0;
    std::uint64_t before_ = 0;  // bit n: highest_ - n arrived
};

/// The secret behind the cookies changes, so that cookies which somebody collected grow worthless;
/// the one before it is good for another period. [RFC 6347 §4.2.1]
class DtlsCookies {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds secret_lasts{120};

    DtlsCookies();
    DtlsCookies(const DtlsCookies&) = delete;
    DtlsCookies& operator=(const DtlsCookies&) = delete;
    ~DtlsCookies();

    /// What GnuTLS wants to know of the ClientHello's record, when its cookie is good for `from`.
    struct Prestate {
        std::uint32_t record_sequence = 0;
        std::uint32_t read_sequence = 0;
        std::uint32_t write_sequence = 0;
    };
    [[nodiscard]] std::optional<Prestate> verify(Time now, const Endpoint& from,
                                                 const DtlsHello& hello, Bytes datagram);
    /// A HelloVerifyRequest, shorter than any ClientHello.
    [[nodiscard]] Octets request(Time now, const Endpoint& from, const DtlsHello& hello,
                                 Bytes datagram);

private:
    using Secret = std::array<std::byte, 16>;
    void renew(Time now);

    Secret current_{};
    Secret previous_{};
    std::optional<Time> since_;
};

}  // namespace causeway::net
