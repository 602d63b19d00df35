#pragma once
// The parts of COSE that OSCORE and EDHOC need: header parameters, and the structures that are
// authenticated but never sent. [RFC 9052 §3.1, §4.4, §5.3]
// Leaves out: the messages themselves: OSCORE compresses its own, EDHOC leaves the wrapping away.
#include "base/cbor.hpp"

namespace causeway::secure {

/// Labels of common header parameters. [RFC 9052 §3.1; RFC 8613 §13.1]
enum class CoseHeader : std::int64_t {
    algorithm = 1,
    kid = 4,
    iv = 5,
    partial_iv = 6,
    kid_context = 10,
    x5bag = 32,
    x5chain = 33,
    x5t = 34,
    x5u = 35,
};

/// ["Encrypt0", protected, external_aad], appended. [RFC 9052 §5.3]
void write_enc_structure(Octets& out, Bytes protected_header, Bytes external_aad);
[[nodiscard]] Octets enc_structure(Bytes protected_header, Bytes external_aad);

/// ["Signature1", protected, external_aad, payload]. [RFC 9052 §4.4]
[[nodiscard]] Octets sig_structure(Bytes protected_header, Bytes external_aad, Bytes payload);

}  // namespace causeway::secure
