#include "scada/tunnel/telnet.hpp"

#include "base/tap.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace causeway::scada::tunnel {

static_assert(Stats<Telnet::Stats>);

namespace {

constexpr std::uint8_t iac = 255;
constexpr std::uint8_t dont_verb = 254;
constexpr std::uint8_t do_verb = 253;
constexpr std::uint8_t wont_verb = 252;
constexpr std::uint8_t will_verb = 251;
constexpr std::uint8_t sub_begins = 250;
constexpr std::uint8_t sub_ends = 240;

constexpr std::uint8_t binary_option = 0;
constexpr std::uint8_t no_go_ahead_option = 3;
constexpr std::uint8_t com_port_option = 44;

constexpr std::byte carriage_return{0x0d};

// The option's number, a command, and its longest value.
constexpr std::size_t sub_octets_max = 2 + ComPortMessage::value_octets_max;

void say(Octets& out, std::uint8_t verb, std::uint8_t number) {
    for (const std::uint8_t octet : {iac, verb, number}) out.push_back(std::byte{octet});
}

}  // namespace

// ---- options -----------------------------------------------------------------------------------

Telnet::Option* Telnet::option(std::uint8_t number) noexcept {
    switch (number) {
        case binary_option:
            return &options_[0];
        case no_go_ahead_option:
            return &options_[1];
        case com_port_option:
            return &options_[2];
        default:
            return nullptr;
    }
}

const Telnet::Option& Telnet::known(std::uint8_t number) const noexcept {
    return *const_cast<Telnet*>(this)->option(number);
}

Octets Telnet::hello() {
    Octets out;
    // "Typically a client will use WILL and WONT, while an access server will use DO and DONT."
    // [RFC 2217 §1]
    Option& com_port = options_[2];
    const bool serves = role_ == Role::server;
    (serves ? com_port.theirs : com_port.ours) = Agreed::asked;
    say(out, serves ? do_verb : will_verb, com_port_option);
    for (const std::uint8_t number : {binary_option, no_go_ahead_option}) {
        option(number)->ours = option(number)->theirs = Agreed::asked;
        say(out, will_verb, number);
        say(out, do_verb, number);
    }
    return out;
}

void Telnet::negotiate(std::uint8_t verb, std::uint8_t number, Octets& reply) {
    ++stats_.negotiations;
    const bool about_us = verb == do_verb || verb == dont_verb;
    const bool yes = verb == do_verb || verb == will_verb;
    const std::uint8_t agree = about_us ? will_verb : do_verb;
    const std::uint8_t refuse = about_us ? wont_verb : dont_verb;
    Option* const known_option = option(number);
    if (known_option == nullptr) {
        ++stats_.refusals;
        // Who says that it does not have it needs no answer. [RFC 854 "Telnet command structure"]
        if (yes) say(reply, refuse, number);
        return;
    }
    Agreed& agreed = about_us ? known_option->ours : known_option->theirs;
    if (yes) {
        // "Do not acknowledge a request to enter a mode already in." [RFC 854]
        if (agreed != Agreed::asked && agreed != Agreed::yes) say(reply, agree, number);
        agreed = Agreed::yes;
        return;
    }
    if (agreed == Agreed::yes) say(reply, refuse, number);
    agreed = Agreed::refused;
}

bool Telnet::com_port_agreed() const noexcept {
    // Some clients take the server's DO for an answer to a WILL that they never said, or say DO
    // themselves.
    const Option& com_port = known(com_port_option);
    return com_port.ours == Agreed::yes || com_port.theirs == Agreed::yes;
}

bool Telnet::com_port_refused() const noexcept {
    const Option& com_port = known(com_port_option);
    return !com_port_agreed() &&
           (role_ == Role::server ? com_port.theirs : com_port.ours) == Agreed::refused;
}

// ---- in ----------------------------------------------------------------------------------------

std::vector<TelnetItem> Telnet::feed(Bytes octets, Octets& reply) {
    std::vector<TelnetItem> items;
    // Deviates: NUL behind CR is dropped [RFC 854] only where the peer refused BINARY; who does not
    // negotiate at all most likely sends a serial protocol as it is.
    const Agreed& binary = known(binary_option).theirs;
    std::size_t begin = 0;
    const auto flush = [&](std::size_t end) {
        if (end > begin) items.emplace_back(octets.subspan(begin, end - begin));
    };
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const auto octet = std::to_integer<std::uint8_t>(octets[i]);
        switch (at_) {
            case At::data: {
                if (binary != Agreed::refused) {
                    const void* const next = std::memchr(&octets[i], iac, octets.size() - i);
                    if (next == nullptr) {
                        i = octets.size();
                        break;
                    }
                    i = static_cast<std::size_t>(static_cast<const std::byte*>(next) -
                                                 octets.data());
                    flush(i);
                    at_ = At::command;
                    break;
                }
                const bool was_cr = std::exchange(after_cr_, octets[i] == carriage_return);
                if (octet == iac || (was_cr && octet == 0)) {
                    flush(i);
                    begin = i + 1;
                    if (octet == iac) at_ = At::command;
                }
                break;
            }
            case At::command:
                begin = i + 1;
                if (octet == iac) begin = i;  // "the data byte 255" [RFC 854]
                command(octet);
                break;
            case At::verb:
                negotiate(verb_, octet, reply);
                at_ = At::data;
                begin = i + 1;
                break;
            case At::sub:
                if (octet == iac)
                    at_ = At::sub_command;
                else if (sub_.size() < sub_octets_max)
                    sub_.push_back(octets[i]);
                else
                    sub_too_long_ = true;
                break;
            case At::sub_command:
                if (octet == iac) {
                    at_ = At::sub;
                    if (sub_.size() < sub_octets_max)
                        sub_.push_back(octets[i]);
                    else
                        sub_too_long_ = true;
                    break;
                }
                begin = i + 1;
                if (octet == sub_ends) {
                    at_ = At::data;
                    end_sub(items);
                    break;
                }
                // Somebody forgot its end; what follows is a command of its own.
                ++stats_.commands_bad;
                command(octet);
                break;
        }
    }
    if (at_ == At::data) flush(octets.size());
    return items;
}

void Telnet::command(std::uint8_t octet) {
    at_ = At::data;
    if (octet == iac) return;
    if (octet >= will_verb) {
        verb_ = octet;
        at_ = At::verb;
    } else if (octet == sub_begins) {
        sub_.clear();
        sub_too_long_ = false;
        at_ = At::sub;
    } else {
        ++stats_.ignored;
    }
}

void Telnet::end_sub(std::vector<TelnetItem>& items) {
    if (sub_too_long_) {
        ++stats_.commands_bad;
        return;
    }
    if (sub_.empty() || sub_[0] != std::byte{com_port_option}) {
        ++stats_.ignored;
        return;
    }
    ByteReader in(Bytes(sub_).subspan(1));
    const auto message = ComPortMessage::parse(in);
    if (!message) {
        ++stats_.commands_bad;
        return;
    }
    ++stats_.commands;
    options_[2].theirs = Agreed::yes;  // it speaks, whatever it said of that
    items.emplace_back(*message);
}

// ---- out ---------------------------------------------------------------------------------------

std::size_t Telnet::encoded_octets(std::byte octet) const noexcept {
    if (octet == std::byte{iac}) return 2;
    // Without BINARY, CR stands before LF or NUL and never alone. [RFC 854 "The NVT printer"]
    return octet == carriage_return && known(binary_option).ours == Agreed::refused ? 2 : 1;
}

void Telnet::encode(Bytes data, Octets& out) const {
    out.reserve(out.size() + data.size() + 8);
    for (const std::byte octet : data) {
        out.push_back(octet);
        if (encoded_octets(octet) == 2)
            out.push_back(octet == std::byte{iac} ? octet : std::byte{});
    }
}

void Telnet::encode(const ComPortMessage& message, Octets& out) {
    std::array<std::byte, 1 + ComPortMessage::value_octets_max> octets;
    ByteWriter writer(octets);
    message.emit(writer);
    say(out, sub_begins, com_port_option);
    for (const std::byte octet : Bytes(octets).first(writer.written())) {
        out.push_back(octet);
        if (octet == std::byte{iac}) out.push_back(octet);
    }
    out.push_back(std::byte{iac});
    out.push_back(std::byte{sub_ends});
}

}  // namespace causeway::scada::tunnel
