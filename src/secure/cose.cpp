#include "secure/cose.hpp"

namespace causeway::secure {

void write_enc_structure(Octets& out, Bytes protected_header, Bytes external_aad) {
    CborWriter(out).array(3).text("Encrypt0").bytes(protected_header).bytes(external_aad);
}

Octets enc_structure(Bytes protected_header, Bytes external_aad) {
    Octets out;
    write_enc_structure(out, protected_header, external_aad);
    return out;
}

Octets sig_structure(Bytes protected_header, Bytes external_aad, Bytes payload) {
    Octets out;
    CborWriter(out)
        .array(4)
        .text("Signature1")
        .bytes(protected_header)
        .bytes(external_aad)
        .bytes(payload);
    return out;
}

}  // namespace causeway::secure
