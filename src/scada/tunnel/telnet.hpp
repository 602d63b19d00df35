#pragma once
// Telnet as far as a serial port over it takes it: options are agreed on [RFC 854, RFC 855] without
// loops [RFC 1143], octets pass in binary [RFC 856], and the com port option's commands are taken
// out of the stream [RFC 2217]. Both ends: the access server, which has the port, and its client.
//
// Options: BINARY, SUPPRESS-GO-AHEAD and COM-PORT-OPTION are agreed to both ways, all others are
// refused. Left out: urgent data, and every command that is for people at terminals.
#include "base/bytes.hpp"
#include "scada/tunnel/rfc2217.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace causeway::scada::tunnel {

/// What a connection carried, in order: octets for the port, borrowed from what was fed, or a
/// command.
using TelnetItem = std::variant<Bytes, ComPortMessage>;

class Telnet {
public:
    enum class Role : std::uint8_t { client, server };
    struct Stats {
        std::uint64_t commands = 0;      // of the com port option
        std::uint64_t commands_bad = 0;  // unknown, of a wrong length, too long
        std::uint64_t negotiations = 0;
        std::uint64_t refusals = 0;  // options that we do not have
        std::uint64_t ignored = 0;   // other commands and options' parameters

        template <class Named>
        void visit(Named&& named) const {
            named("commands", commands);
            named("commands_bad", commands_bad);
            named("negotiations", negotiations);
            named("refusals", refusals);
            named("ignored", ignored);
        }
        [[nodiscard]] bool balanced() const noexcept { return refusals <= negotiations; }
    };

    explicit Telnet(Role role) noexcept : role_(role) {}

    /// What is said first; once.
    [[nodiscard]] Octets hello();
    /// Appends to `reply` what negotiation answers.
    [[nodiscard]] std::vector<TelnetItem> feed(Bytes octets, Octets& reply);

    void encode(Bytes data, Octets& out) const;
    /// How many octets one is, encoded.
    [[nodiscard]] std::size_t encoded_octets(std::byte octet) const noexcept;
    static void encode(const ComPortMessage& message, Octets& out);

    /// The other end takes part in the com port option.
    [[nodiscard]] bool com_port_agreed() const noexcept;
    /// The server said that it does not take them.
    [[nodiscard]] bool com_port_refused() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    enum class At : std::uint8_t { data, command, verb, sub, sub_command };
    enum class Agreed : std::uint8_t { no, asked, yes, refused };
    struct Option {
        Agreed ours = Agreed::no;
        Agreed theirs = Agreed::no;
    };

    [[nodiscard]] Option* option(std::uint8_t number) noexcept;
    [[nodiscard]] const Option& known(std::uint8_t number) const noexcept;
    void negotiate(std::uint8_t verb, std::uint8_t number, Octets& reply);
    void command(std::uint8_t octet);
    void end_sub(std::vector<TelnetItem>& items);

    Role role_;
    At at_ = At::data;
    std::uint8_t verb_ = 0;
    bool after_cr_ = false;
    bool sub_too_long_ = false;
    Octets sub_;
    std::array<Option, 3> options_{};
    Stats stats_;
};

}  // namespace causeway::scada::tunnel
