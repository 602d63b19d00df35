#pragma once
// RPL control messages: what follows type, code and checksum of ICMPv6 type 155. [RFC 6550 §6]
// Secure variants are known by their code and go no further: their security section [§6.1] is
// left out, and with it the only use of the Consistency Check.
#include "rpl/options.hpp"
#include "rpl/settings.hpp"

namespace causeway::rpl {

/// ICMPv6's type for all of RPL. [RFC 6550 §20.1]
inline constexpr std::uint8_t icmp_type = 155;

/// [RFC 6550 §20.2]; the high bit says "secure".
enum class Code : std::uint8_t {
    dis = 0x00,
    dio = 0x01,
    dao = 0x02,
    dao_ack = 0x03,
    secure_dis = 0x80,
    secure_dio = 0x81,
    secure_dao = 0x82,
    secure_dao_ack = 0x83,
    consistency_check = 0x8a,
};

/// DODAG Information Solicitation. [§6.2]
struct Dis {
    Options options;

    static Result<Dis> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 2 + options.wire_size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Dis&, const Dis&) = default;
};

/// DODAG Information Object. [§6.3]
struct Dio {
    std::uint8_t instance = 0;
    std::uint8_t version = 0;
    std::uint16_t rank = 0xffff;
    bool grounded = false;
    ModeOfOperation mode{};       // three bits; values past 3 are unassigned
    std::uint8_t preference = 0;  // 0 to 7, the most preferred
    std::uint8_t dtsn = 0;
    ip::Address dodag;
    Options options;

    static Result<Dio> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 24 + options.wire_size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Dio&, const Dio&) = default;
};

/// Destination Advertisement Object. [§6.4]
struct Dao {
    std::uint8_t instance = 0;
    bool ack_wanted = false;  // K
    std::uint8_t sequence = 0;
    std::optional<ip::Address> dodag;  // D
    Options options;

    static Result<Dao> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept {
        return (dodag ? 20 : 4) + options.wire_size();
    }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Dao&, const Dao&) = default;
};

/// [§6.5]
struct DaoAck {
    std::uint8_t instance = 0;
    std::uint8_t sequence = 0;
    std::uint8_t status = 0;           // from 128: a rejection [RFC 9010 §6.3]
    std::optional<ip::Address> dodag;  // D
    Options options;

    static Result<DaoAck> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept {
        return (dodag ? 20 : 4) + options.wire_size();
    }
    void emit(ByteWriter& out) const;
    friend bool operator==(const DaoAck&, const DaoAck&) = default;
};

/// The part of a Consistency Check behind its security section. [§6.6]
struct ConsistencyCheck {
    std::uint8_t instance = 0;
    bool response = false;  // R
    std::uint16_t nonce = 0;
    ip::Address dodag;
    std::uint32_t destination_counter = 0;
    Options options;

    static Result<ConsistencyCheck> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 24 + options.wire_size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const ConsistencyCheck&, const ConsistencyCheck&) = default;
};

static_assert(Repr<Dis> && Repr<Dio> && Repr<Dao> && Repr<DaoAck> && Repr<ConsistencyCheck>);

}  // namespace causeway::rpl
