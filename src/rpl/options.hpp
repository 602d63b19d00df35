#pragma once
// The options of RPL control messages. [RFC 6550 §6.7, RFC 9008 §4.1.3]
// Each type here is the data of one option; `Option` puts type and length before it. An option of
// a type we do not know is kept as it came. Reserved bits are zero when sent, ignored when read,
// and so is whatever stands after the fields we know ("be liberal").
#include "base/repr.hpp"
#include "ip/address.hpp"
#include "rpl/metric.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace causeway::rpl {

enum class OptionType : std::uint8_t {
    pad1 = 0,
    padn = 1,
    metric_container = 2,
    route_information = 3,
    configuration = 4,
    target = 5,
    transit = 6,
    solicited_information = 7,
    prefix_information = 8,
    target_descriptor = 9,
};

/// Pad1 (one octet) or PadN, as many octets as the option takes. [§6.7.2, §6.7.3]
struct Padding {
    std::uint16_t octets = 1;  // 1 to 257, though nobody should send more than 7

    static Result<Padding> parse(ByteReader& in);  // of PadN's data
    [[nodiscard]] std::size_t wire_size() const noexcept { return octets < 2 ? 0 : octets - 2u; }
    void emit(ByteWriter& out) const { out.zeros(wire_size()); }
    friend bool operator==(const Padding&, const Padding&) = default;
};

/// [§6.7.4]
struct MetricContainer {
    std::vector<MetricObject> objects;  // at most 255 octets in all

    static Result<MetricContainer> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const MetricContainer&, const MetricContainer&) = default;
};

/// [RFC 6550 §6.7.5, RFC 4191 §2.3]
struct RouteInformation {
    ip::Prefix prefix;
    std::uint8_t preference = 0;                  // 0 medium, 1 high, 3 low; 2 is reserved
    std::uint32_t lifetime_seconds = 0xffffffff;  // all ones: for ever

    static Result<RouteInformation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 6 + (prefix.length + 7u) / 8; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const RouteInformation&, const RouteInformation&) = default;
};

/// [§6.7.6]
struct Configuration {
    bool rpi_0x23 = false;       // the RPL option's type is 0x23 [RFC 9008 §4.1.3]
    bool authenticated = false;  // A
    std::uint8_t path_control_size = 0;
    std::uint8_t dio_interval_doublings = 20;
    std::uint8_t dio_interval_min = 3;  // 2^this ms
    std::uint8_t dio_redundancy = 10;
    std::uint16_t max_rank_increase = 0;
    std::uint16_t min_hop_rank_increase = 256;
    std::uint16_t objective = 0;  // OCP
    std::uint8_t lifetime_default = 0;
    std::uint16_t lifetime_unit_seconds = 0;

    static Result<Configuration> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 14; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Configuration&, const Configuration&) = default;
};

/// [§6.7.7]
struct Target {
    ip::Prefix prefix;

    static Result<Target> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 2 + (prefix.length + 7u) / 8; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Target&, const Target&) = default;
};

/// [§6.7.8]
struct Transit {
    bool external = false;  // E
    std::uint8_t path_control = 0;
    std::uint8_t path_sequence = 0;
    std::uint8_t path_lifetime = 0;     // lifetime units; 0: No-Path; 255: for ever
    std::optional<ip::Address> parent;  // always there in non-storing mode

    static Result<Transit> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return parent ? 20 : 4; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Transit&, const Transit&) = default;
};

/// [§6.7.9] A field without its flag is neither checked nor kept.
struct SolicitedInformation {
    std::optional<std::uint8_t> instance;  // I
    std::optional<ip::Address> dodag;      // D
    std::optional<std::uint8_t> version;   // V

    static Result<SolicitedInformation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 19; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const SolicitedInformation&, const SolicitedInformation&) = default;
};

/// [§6.7.10] With R, `address` is the whole one of the router; else only the prefix in it counts.
struct PrefixInformation {
    ip::Address address;
    std::uint8_t length = 64;
    bool on_link = false;         // L
    bool autonomous = false;      // A
    bool router_address = false;  // R
    std::uint32_t valid_seconds = 0xffffffff;
    std::uint32_t preferred_seconds = 0xffffffff;

    [[nodiscard]] ip::Prefix prefix() const noexcept;
    static Result<PrefixInformation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 30; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const PrefixInformation&, const PrefixInformation&) = default;
};

/// [§6.7.11]
struct TargetDescriptor {
    std::uint32_t descriptor = 0;

    static Result<TargetDescriptor> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 4; }
    void emit(ByteWriter& out) const { out.be32(descriptor); }
    friend bool operator==(const TargetDescriptor&, const TargetDescriptor&) = default;
};

/// "The receiver MUST silently ignore the unrecognized option." [§6.7.1]
struct UnknownOption {
    std::uint8_t type = 0xff;
    Octets data;  // at most 255 octets

    friend bool operator==(const UnknownOption&, const UnknownOption&) = default;
};

struct Option {
    std::variant<Padding, MetricContainer, RouteInformation, Configuration, Target, Transit,
                 SolicitedInformation, PrefixInformation, TargetDescriptor, UnknownOption>
        data;

    static Result<Option> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const Option&, const Option&) = default;
};

static_assert(Repr<Padding> && Repr<MetricContainer> && Repr<RouteInformation> &&
              Repr<Configuration> && Repr<Target> && Repr<Transit> && Repr<SolicitedInformation> &&
              Repr<PrefixInformation> && Repr<TargetDescriptor> && Repr<Option>);

/// More options than this in one message are refused: no honest message comes near.
inline constexpr std::size_t options_max = 96;

/// A message's options in their order: in a DAO, the order is the meaning.
struct Options {
    std::vector<Option> list;

    static Result<Options> parse(ByteReader& in);  // to the end
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;

    /// The first option of type `T`, or null.
    template <class T>
    [[nodiscard]] const T* find() const noexcept {
        for (const Option& option : list)
            if (const T* found = std::get_if<T>(&option.data)) return found;
        return nullptr;
    }
    template <class T>
    void add(T data) {
        list.push_back(Option{std::move(data)});
    }

    friend bool operator==(const Options&, const Options&) = default;
};
static_assert(Repr<Options>);

}  // namespace causeway::rpl
