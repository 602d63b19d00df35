#include "scada/dnp3/link.hpp"

#include <algorithm>
#include <cstring>

namespace causeway::scada::dnp3 {
namespace {

constexpr std::byte frame_start_first{0x05};
constexpr std::byte frame_start_second{0x64};
constexpr std::size_t counted_header_octets = 5;  // what the length counts besides the data

/// x^16 + x^13 + x^12 + x^11 + x^10 + x^8 + x^6 + x^5 + x^2 + 1, reflected. [IEEE 1815 §9.2]
constexpr auto checksum_table = [] {
    std::array<std::uint16_t, 256> table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        unsigned remainder = i;
        for (int bit = 0; bit < 8; ++bit)
            remainder = (remainder & 1) != 0 ? remainder >> 1 ^ 0xa6bc : remainder >> 1;
        table[i] = static_cast<std::uint16_t>(remainder);
    }
    return table;
}();

bool checksum_right(Bytes block_and_checksum) noexcept {
    const std::size_t octets = block_and_checksum.size() - 2;
    const std::uint16_t sum = link_checksum(block_and_checksum.first(octets));
    return block_and_checksum[octets] == std::byte(sum & 0xff) &&
           block_and_checksum[octets + 1] == std::byte(sum >> 8);
}

void put_checksum(Bytes block, std::byte* to) noexcept {
    const std::uint16_t sum = link_checksum(block);
    to[0] = std::byte(sum & 0xff);
    to[1] = std::byte(sum >> 8);
}

}  // namespace

std::uint16_t link_checksum(Bytes octets) noexcept {
    unsigned sum = 0;
    for (const std::byte octet : octets)
        sum = sum >> 8 ^ checksum_table[(sum ^ std::to_integer<unsigned>(octet)) & 0xff];
    return static_cast<std::uint16_t>(~sum);
}

bool begins_frame(Bytes octets) noexcept {
    return octets.size() >= frame_header_octets && octets[0] == frame_start_first &&
           octets[1] == frame_start_second && checksum_right(octets.first(frame_header_octets));
}

std::string_view name_of_link_function(bool primary, std::uint8_t function) noexcept {
    if (primary) {
        switch (LinkRequest{function}) {
            case LinkRequest::reset_link_states:
                return "reset link states";
            case LinkRequest::test_link_states:
                return "test link states";
            case LinkRequest::confirmed_user_data:
                return "confirmed user data";
            case LinkRequest::unconfirmed_user_data:
                return "unconfirmed user data";
            case LinkRequest::request_link_status:
                return "request link status";
        }
        return "unknown request";
    }
    switch (LinkAnswer{function}) {
        case LinkAnswer::ack:
            return "ack";
        case LinkAnswer::nack:
            return "nack";
        case LinkAnswer::link_status:
            return "link status";
        case LinkAnswer::not_functioning:
            return "not functioning";
        case LinkAnswer::not_supported:
            return "not supported";
    }
    return "unknown answer";
}

void append_frame(const FrameHeader& header, std::optional<std::byte> head, Bytes data,
                  Octets& out) {
    const std::size_t octets = data.size() + (head ? 1 : 0);
    CAUSEWAY_ASSERT(octets <= frame_data_max);
    const std::size_t before = out.size();
    out.resize(before + frame_octets(octets));
    std::byte* to = out.data() + before;
    to[0] = frame_start_first;
    to[1] = frame_start_second;
    to[2] = std::byte(counted_header_octets + octets);
    to[3] = std::byte{header.control()};
    to[4] = std::byte(header.destination & 0xff);
    to[5] = std::byte(header.destination >> 8);
    to[6] = std::byte(header.source & 0xff);
    to[7] = std::byte(header.source >> 8);
    put_checksum({to, 8}, to + 8);
    to += frame_header_octets;
    for (std::size_t left = octets; left != 0;) {
        const std::size_t block = std::min(left, frame_block_octets);
        std::size_t done = 0;
        if (head) to[done++] = *head;
        head.reset();
        std::memcpy(to + done, data.data(), block - done);
        data = data.subspan(block - done);
        put_checksum({to, block}, to + block);
        to += block + 2;
        left -= block;
    }
}

void Framer::feed(Bytes octets) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    buffer_.insert(buffer_.end(), octets.begin(), octets.end());
}

void Framer::skip(std::size_t octets) noexcept {
    at_ += octets;
    stats_.noise_octets += octets;
}

void Framer::abandon() noexcept {
    if (pending() != 0) skip(1);
}

void Framer::clear() noexcept {
    buffer_.clear();
    at_ = 0;
}

/// The octets between the checksums; false where one of these is wrong.
bool Framer::unpack(Bytes body) noexcept {
    data_octets_ = 0;
    while (!body.empty()) {
        const std::size_t block = std::min(body.size(), frame_block_octets + 2);
        if (!checksum_right(body.first(block))) return false;
        std::memcpy(data_.data() + data_octets_, body.data(), block - 2);
        data_octets_ += block - 2;
        body = body.subspan(block);
    }
    return true;
}

std::optional<Frame> Framer::next() {
    while (pending() != 0) {
        const Bytes rest = Bytes(buffer_).subspan(at_);
        const void* start =
            std::memchr(rest.data(), std::to_integer<int>(frame_start_first), rest.size());
        const auto* found = static_cast<const std::byte*>(start);
        if (found != rest.data()) {
            skip(found == nullptr ? rest.size() : static_cast<std::size_t>(found - rest.data()));
            continue;
        }
        if (rest.size() < 2) return std::nullopt;
        if (rest[1] != frame_start_second) {
            skip(1);
            continue;
        }
        if (rest.size() < frame_header_octets) return std::nullopt;
        if (!checksum_right(rest.first(frame_header_octets))) {
            ++stats_.bad_header_checksums;
            skip(1);
            continue;
        }
        const auto length = std::to_integer<std::size_t>(rest[2]);
        if (length < counted_header_octets) {
            ++stats_.bad_lengths;
            skip(1);
            continue;
        }
        const std::size_t octets = frame_octets(length - counted_header_octets);
        if (rest.size() < octets) return std::nullopt;
        if (!unpack(rest.first(octets).subspan(frame_header_octets))) {
            ++stats_.bad_body_checksums;
            skip(1);
            continue;
        }
        ++stats_.frames;
        at_ += octets;
        ByteReader in(rest.subspan(3));
        const unsigned control = in.u8();
        Frame frame{.header = {.from_master = (control & 0x80) != 0,
                               .primary = (control & 0x40) != 0,
                               .count_bit = (control & 0x20) != 0,
                               .count_valid = (control & 0x10) != 0,
                               .function = static_cast<std::uint8_t>(control & 0x0f)},
                    .data = Bytes(data_).first(data_octets_)};
        frame.header.destination = in.le16();
        frame.header.source = in.le16();
        return frame;
    }
    return std::nullopt;
}

}  // namespace causeway::scada::dnp3
