#pragma once
// OSCORE on a node: its two contexts, and their sequence numbers in what the node remembers without
// power. [RFC 8613 §3, §7.5]
#include "base/random.hpp"
#include "node/node.hpp"
#include "secure/oscore.hpp"

#include <array>
#include <string_view>

namespace causeway::node {

class ObjectSecurityKeeper {
public:
    /// `config.oscore` is there. `flash` may be null: then nothing outlives the node.
    ObjectSecurityKeeper(const Config& config, Random random, Flash* flash);

    [[nodiscard]] coap::Protection& protection() noexcept { return oscore_; }
    /// Writes down what has to be; before anything leaves that it covers.
    void keep();
    [[nodiscard]] const secure::OscoreStats& stats() const noexcept { return oscore_.stats(); }

private:
    secure::Oscore oscore_;
    Flash* flash_;
};

/// Of the two contexts, by pair.
inline constexpr std::array<std::string_view, 2> context_names{"gateway", "tool"};

/// The context of client number `pair`, 0 for a gateway and 1 for a tool, as the node (`client`
/// false) or that client has it.
[[nodiscard]] secure::ContextConfig context_of(const ObjectSecurity& keys, std::uint64_t eui64,
                                               unsigned pair, bool client);

}  // namespace causeway::node
