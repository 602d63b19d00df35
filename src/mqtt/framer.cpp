#include "mqtt/framer.hpp"

#include "mqtt/variable_int.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

/// A packet may announce 256 MB and never come: what is reserved follows what has come.
constexpr std::size_t reserved_octets_min = 4096;

}  // namespace

std::optional<Framer::Step> Framer::next(Bytes& in) {
    if (state_ == State::handed_out) {
        held_ = Octets{};  // an idle framer owns no memory
        wanted_ = 0;
        state_ = State::open;
    }
    if (state_ == State::refused) in = {};
    if (in.empty()) return std::nullopt;
    return held_.empty() ? from_input(in) : from_pieces(in);
}

/// The rule: packets lie in the input.
std::optional<Framer::Step> Framer::from_input(Bytes& in) {
    const VariableInt length = decode_variable_int(in.subspan(1));
    if (length.octets == 0) {
        hold(in, in.size());
        return std::nullopt;
    }
    const std::size_t whole = std::size_t{1} + length.octets + length.value;
    if (auto no = judge(length.octets, whole)) return refuse(in, *no);
    if (in.size() < whole) {
        wanted_ = static_cast<std::uint32_t>(whole);
        hold(in, in.size());
        return std::nullopt;
    }
    const Step step{.packet = in.first(whole), .refused = std::nullopt};
    in = in.subspan(whole);
    return step;
}

std::optional<Framer::Step> Framer::from_pieces(Bytes& in) {
    while (wanted_ == 0) {  // its length is not known yet
        if (in.empty()) return std::nullopt;
        hold(in, 1);
        const VariableInt length = decode_variable_int(Bytes(held_).subspan(1));
        if (length.octets == 0) continue;
        const std::size_t whole = std::size_t{1} + length.octets + length.value;
        if (auto no = judge(length.octets, whole)) return refuse(in, *no);
        wanted_ = static_cast<std::uint32_t>(whole);
    }
    hold(in, std::min(in.size(), wanted_ - held_.size()));
    if (held_.size() < wanted_) return std::nullopt;
    state_ = State::handed_out;
    return Step{.packet = held_, .refused = std::nullopt};
}

std::optional<Refused> Framer::judge(std::size_t length_octets, std::size_t whole) const {
    if (length_octets > 4) {
        return Refused{Reason::malformed_packet, "the remaining length is longer than four octets"};
    }
    if (whole > packet_octets_max_) {
        return Refused{Reason::packet_too_large, "the packet is larger than allowed"};
    }
    return std::nullopt;
}

Framer::Step Framer::refuse(Bytes& in, const Refused& why) {
    in = {};
    held_ = Octets{};
    state_ = State::refused;
    return {.packet = {}, .refused = why};
}

void Framer::hold(Bytes& in, std::size_t octets) {
    const std::size_t after = held_.size() + octets;
    if (after > held_.capacity()) {
        const std::size_t ahead = std::max(reserved_octets_min, 2 * after);
        held_.reserve(wanted_ == 0 ? 8 : std::min<std::size_t>(wanted_, ahead));
    }
    held_.insert(held_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(octets));
    in = in.subspan(octets);
}

Octets Framer::take_storage() {
    if (state_ != State::handed_out) return {};
    state_ = State::open;
    wanted_ = 0;
    return std::exchange(held_, Octets{});
}

}  // namespace causeway::mqtt
