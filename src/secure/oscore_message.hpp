#pragma once
// Which part of a CoAP message is encrypted and which stays in the open. [RFC 8613 §4]
#include "coap/message.hpp"

namespace causeway::secure {

/// Class U and never E: what stays outside alone. Observe is on both sides; all others, those that
/// are unknown among them, are encrypted. [RFC 8613 §4.1]
[[nodiscard]] bool is_outer_option(coap::OptionNumber number) noexcept;

/// A message taken apart, before it is protected.
struct Parted {
    coap::Options inner;
    coap::Options outer;
    bool observe = false;
};

/// nullopt when there is no such OSCORE message: it has an OSCORE option already [RFC 8613
/// §4.1.3.7], or its Proxy-Uri is no URI.
[[nodiscard]] std::optional<Parted> part(const coap::Message& message);

/// The Code, the Inner options and the payload. [RFC 8613 §5.3]
void write_plaintext(Octets& out, coap::Code code, const coap::Options& inner, Bytes payload);

/// Reads them into `message`. Its Outer options stay where it is a request and they are of Class U:
/// all others are discarded, and so is the OSCORE option [RFC 8613 §8.2, §8.4]. False when the
/// plaintext is malformed or was protected twice, and then `message` is as it was.
[[nodiscard]] bool read_plaintext(Bytes plaintext, coap::Message& message);

}  // namespace causeway::secure
