#pragma once
// A file of OSCORE's input parameters [RFC 8613 §3.2], TOML:
//
//     master_secret = "0102030405060708090a0b0c0d0e0f10"   # hexadecimal, all of them
//     master_salt   = "9e7ca92223786340"                   # may be left out, as what follows may
//     id_context    = "37cbf3210017a2d3"
//     sender_id     = ""                                   # ours
//     recipient_id  = "01"                                 # the peer's
//     aead          = "AES-CCM-16-64-128"
//     hkdf          = "SHA-256"
//
// A file for nodes of a mesh has the secret and the salt alone: see node::ObjectSecurity.
#include "node/node.hpp"
#include "secure/oscore.hpp"

#include <expected>
#include <string>

namespace causeway::site {

/// Without name and state. The error is lines for a person, "keys.toml:1:17: ...", one for each
/// mistake; none shows what is secret.
[[nodiscard]] std::expected<secure::ContextConfig, std::string> read_oscore_keys(
    const std::string& path);
[[nodiscard]] std::expected<node::ObjectSecurity, std::string> read_node_keys(
    const std::string& path);

}  // namespace causeway::site
