#include "net/dtls_record.hpp"

#include <gnutls/crypto.h>
#include <gnutls/dtls.h>

namespace causeway::net {
namespace {

constexpr std::uint8_t client_hello = 1;

/// Who the cookie is for: the address, and the ClientHello it came with, which has to be the same
/// in the second one.
std::array<std::byte, 50> cookie_input(const Endpoint& from, const DtlsHello& hello) {
    std::array<std::byte, 50> input;
    ByteWriter out(input);
    out.put(from.octets16());
    out.be16(from.port);
    out.put(hello.random);
    return input;
}

gnutls_datum_t as_datum(std::array<std::byte, 16>& secret) {
    return {reinterpret_cast<unsigned char*>(secret.data()), static_cast<unsigned>(secret.size())};
}

}  // namespace

std::optional<DtlsRecord> next_record(Bytes& rest) noexcept {
    ByteReader in(rest);
    DtlsRecord record;
    const std::uint8_t content = in.u8();
    const std::uint16_t version = in.be16();
    record.epoch = in.be16();
    record.sequence = std::uint64_t{in.be16()} << 32;
    record.sequence |= in.be32();
    record.fragment = in.take(in.be16());
    // A first ClientHello may say DTLS 1.0 in its record. [RFC 6347 §4.2.1]
    if (!in.ok() || content < 20 || content > 23 || (version != 0xfefd && version != 0xfeff))
        return {};
    record.content = static_cast<DtlsContent>(content);
    record.whole = rest.first(in.consumed());
    rest = rest.subspan(in.consumed());
    return record;
}

std::optional<DtlsHello> as_client_hello(Bytes datagram) noexcept {
    const auto record = next_record(datagram);
    if (!record || record->content != DtlsContent::handshake || record->epoch != 0) return {};
    ByteReader in(record->fragment);
    if (in.u8() != client_hello) return {};
    const std::uint32_t length = in.be24();
    in.be16();  // message_seq
    const std::uint32_t offset = in.be24();
    const std::uint32_t fragment = in.be24();
    if (offset != 0 || fragment != length || in.remaining() < length) return {};
    in.be16();  // client_version
    DtlsHello hello;
    in.read_into(hello.random);
    in.take(in.u8());  // session_id
    const std::uint8_t cookie = in.u8();
    in.take(cookie);
    in.be16();  // there are cipher suites, so GnuTLS may look as far
    if (!in.ok()) return {};
    hello.has_cookie = cookie != 0;
    return hello;
}

bool DtlsReplayWindow::seen(std::uint64_t sequence) const noexcept {
    if (sequence > highest_) return false;
    const std::uint64_t age = highest_ - sequence;
    return age >= width || (before_ >> age & 1) != 0;
}

void DtlsReplayWindow::mark(std::uint64_t sequence) noexcept {
    if (sequence > highest_) {
        const std::uint64_t step = sequence - highest_;
        before_ = step >= width ? 0 : before_ << step;
        highest_ = sequence;
    }
    if (highest_ - sequence < width) before_ |= std::uint64_t{1} << (highest_ - sequence);
}

DtlsCookies::DtlsCookies() {
    gnutls_rnd(GNUTLS_RND_KEY, current_.data(), current_.size());
    previous_ = current_;
}

DtlsCookies::~DtlsCookies() {
    gnutls_memset(current_.data(), 0, current_.size());
    gnutls_memset(previous_.data(), 0, previous_.size());
}

void DtlsCookies::renew(Time now) {
    if (since_ && now - *since_ < secret_lasts) return;
    if (since_) {
        previous_ = current_;
        gnutls_rnd(GNUTLS_RND_KEY, current_.data(), current_.size());
    }
    since_ = now;
}

std::optional<DtlsCookies::Prestate> DtlsCookies::verify(Time now, const Endpoint& from,
                                                         const DtlsHello& hello, Bytes datagram) {
    renew(now);
    auto input = cookie_input(from, hello);
    for (Secret* secret : {&current_, &previous_}) {
        gnutls_datum_t key = as_datum(*secret);
        gnutls_dtls_prestate_st state{};
        // It only reads.
        if (gnutls_dtls_cookie_verify(&key, input.data(), input.size(),
                                      const_cast<std::byte*>(datagram.data()), datagram.size(),
                                      &state) == 0)
            return Prestate{state.record_seq, state.hsk_read_seq, state.hsk_write_seq};
    }
    return {};
}

Octets DtlsCookies::request(Time now, const Endpoint& from, const DtlsHello& hello,
                            Bytes datagram) {
    renew(now);
    auto input = cookie_input(from, hello);
    gnutls_datum_t key = as_datum(current_);
    // It carries the record's number of the ClientHello that it answers. [RFC 6347 §4.2.1]
    gnutls_dtls_prestate_st state{};
    state.record_seq = std::to_integer<unsigned>(datagram[10]);
    Octets made;
    const auto take = [](gnutls_transport_ptr_t to, const void* data, std::size_t size) {
        const Bytes octets(static_cast<const std::byte*>(data), size);
        static_cast<Octets*>(to)->assign(octets.begin(), octets.end());
        return static_cast<ssize_t>(size);
    };
    gnutls_dtls_cookie_send(&key, input.data(), input.size(), &state, &made, take);
    return made;
}

}  // namespace causeway::net
