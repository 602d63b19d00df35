#pragma once
// Files of EDHOC's credentials: raw public keys in CWT claims sets. [RFC 9528 §3.5.2]
//
// Who we are, a file of its own:            Who is accepted, any number of them:
//
//     type        = "p256"                      [[peer]]
//     private_key = "..."                       type       = "p256"     # or x25519, ed25519
//     kid         = "0a"                        public_key = "..."      # hexadecimal
//     subject     = "gateway"                   kid        = "0b"
//                                               subject    = "tablet-7"
//
// Both ends hash the claims, so type, key, kid and subject have to be the same on both.
#include "secure/edhoc.hpp"

#include <expected>
#include <string>

namespace causeway::site {

/// The error is lines for a person; none shows what is secret.
[[nodiscard]] std::expected<secure::EdhocConfig, std::string> read_edhoc(
    const std::string& key_path, const std::string& peers_path);

}  // namespace causeway::site
