#pragma once
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace causeway::rpl {

/// [RFC 6550 §6.3.1]; storing modes have their numbers here and their room in another file.
enum class ModeOfOperation : std::uint8_t {
    no_downward_routes = 0,
    non_storing = 1,
    storing = 2,
    storing_multicast = 3,
};

/// Objective code points. [RFC 6552, RFC 6719]
enum class ObjectiveCode : std::uint16_t { of0 = 0, mrhof = 1 };

/// What an operator may turn about RPL. The root announces most of it in the DODAG Configuration
/// option and the others obey; what is local to a node says so.
struct Settings {
    std::uint8_t instance = 0;  // RPLInstanceID, a global one
    ModeOfOperation mode = ModeOfOperation::non_storing;
    ObjectiveCode objective = ObjectiveCode::mrhof;

    // Trickle of DIOs: Imin is 2^dio_interval_min ms. [RFC 6550 §8.3.1]
    std::uint8_t dio_interval_min = 9;         // 512 ms
    std::uint8_t dio_interval_doublings = 11;  // up to 17.5 minutes
    std::uint8_t dio_redundancy = 10;

    std::uint16_t min_hop_rank_increase = 256;
    std::uint16_t max_rank_increase = 7 * 256;  // 0: no limit
    std::uint8_t lifetime_default = 30;         // lifetime units
    std::uint16_t lifetime_unit_seconds = 60;

    // PCS: one active bit more than this, two for each parent in order of preference.
    std::uint8_t path_control_size = 7;

    bool dao_ack = true;                  // local: ask for a DAO-ACK
    std::size_t parents_max = 3;          // local: 1 to 3
    std::size_t neighbours_max = 24;      // local: candidates remembered
    std::size_t routes_max = 4096;        // root: targets remembered
    std::uint8_t rpi_option_type = 0x23;  // 0x23, or 0x63 for older peers [RFC 9008 §4.1]

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace causeway::rpl
