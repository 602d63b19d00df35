#include "ip/reassembly.hpp"

#include <algorithm>

namespace causeway::ip {
namespace {

constexpr std::size_t payload_octets_max = 65'535;
constexpr std::uint32_t payload_length_at = 4;

/// The packet less its fragment header; the header before it names what the fragment header named.
Octets without_fragment_header(Bytes before, std::size_t named_at, std::byte next_header,
                               Bytes part) {
    Octets packet(before.begin(), before.end());
    packet.insert(packet.end(), part.begin(), part.end());
    packet[named_at] = next_header;
    const std::size_t payload = packet.size() - Ipv6Header::octets;
    packet[payload_length_at] = std::byte(payload >> 8);
    packet[payload_length_at + 1] = std::byte(payload & 0xff);
    return packet;
}

/// All headers have to be in the first fragment. [RFC 8200 §4.5]
bool has_all_headers(std::uint8_t first_header, Bytes part) {
    ExtensionWalk walk(part, first_header, 0);
    while (walk.next()) {
    }
    if (!walk.ok()) return false;
    const UpperLayer upper = walk.upper_layer();
    const std::size_t least = upper.next_header == NextHeader::udp      ? 8u
                              : upper.next_header == NextHeader::icmpv6 ? 4u
                              : upper.next_header == NextHeader::ipv6   ? Ipv6Header::octets
                                                                        : 0u;
    return part.size() - std::min(upper.offset, part.size()) >= least;
}

}  // namespace

FragmentReassembly::Outcome FragmentReassembly::add(Instant now, Bytes packet,
                                                    std::size_t header_at, std::size_t named_at) {
    ++stats_.received;
    ByteReader in(packet.subspan(header_at));
    const auto header = FragmentHeader::parse(in);
    const auto ends = parse_ipv6(packet);
    if (!header || !ends) {
        ++stats_.malformed;
        return {.whole = {}, .error = {}, .lost = true};
    }
    const Bytes before = packet.first(header_at);
    const Bytes part = in.rest();
    if (header->is_whole()) {  // apart from all others [RFC 8200 §4.5]
        ++stats_.used;
        return {.whole =
                    without_fragment_header(before, named_at, std::byte{header->next_header}, part),
                .error = {},
                .lost = false};
    }
    const auto malformed = [&](ParameterProblemCode code, std::size_t pointer) {
        ++stats_.malformed;
        return Outcome{
            .whole = {},
            .error = IcmpError::parameter_problem(code, static_cast<std::uint32_t>(pointer)),
            .lost = true};
    };
    const std::size_t end = header->offset + part.size();
    if (header->more && part.size() % 8 != 0)  // [RFC 8200 §4.5]
        return malformed(ParameterProblemCode::erroneous_field, payload_length_at);
    if (before.size() - Ipv6Header::octets + end > payload_octets_max)  // [RFC 8200 §4.5]
        return malformed(ParameterProblemCode::erroneous_field, header_at + 2);
    if (header->offset == 0 && !has_all_headers(header->next_header, part))
        return malformed(ParameterProblemCode::incomplete_first_fragment, 0);
    if (part.empty()) {
        ++stats_.malformed;
        return {.whole = {}, .error = {}, .lost = true};
    }

    const Address& source = ends->header.source;
    const Address& target = ends->header.target;
    Pending* pending = find(source, target, header->identification);
    if (pending == nullptr) {
        if (pending_.size() == settings_.packets_max) {
            ++stats_.refused;
            return {.whole = {}, .error = {}, .lost = true};
        }
        pending = &pending_.emplace_back();
        pending->source = source;
        pending->target = target;
        pending->identification = header->identification;
        pending->due = after(now, settings_.timeout);
        ++stats_.begun;
        ++stats_.pending;
        find_next_deadline();
    }
    const Span span{header->offset, end};
    for (const Span& there : pending->spans) {
        if (span.end <= there.begin || there.end <= span.begin) continue;
        const bool duplicate = span.begin == there.begin && span.end == there.end &&
                               same(Bytes(pending->part).subspan(span.begin, part.size()), part);
        if (!duplicate) return give_up(*pending, stats_.overlapping);
        ++stats_.duplicate;
        return {};
    }
    const bool beyond = pending->length && end > *pending->length;
    const bool shorter = !header->more && end < pending->part.size();
    const bool again = !header->more && pending->length && end != *pending->length;
    if (beyond || shorter || again) return give_up(*pending, stats_.overlapping);
    if (before.size() + end > settings_.packet_octets_max)
        return give_up(*pending, stats_.too_long);

    ++stats_.used;
    if (!header->more) pending->length = end;
    if (header->offset == 0) {
        pending->first = to_octets(packet);
        pending->headers = before.size();
        pending->named_at = named_at;
    }
    if (pending->part.size() < end) pending->part.resize(end);
    std::ranges::copy(part, pending->part.begin() + header->offset);
    pending->spans.insert(std::ranges::upper_bound(pending->spans, span.begin, {}, &Span::begin),
                          span);
    if (!is_complete(*pending)) return {};

    const Bytes first = pending->first;
    Outcome outcome{
        .whole = without_fragment_header(first.first(pending->headers), pending->named_at,
                                         first[pending->headers], pending->part),
        .error = {},
        .lost = false};
    ++stats_.whole;
    remove(*pending);
    return outcome;
}

bool FragmentReassembly::is_complete(const Pending& pending) noexcept {
    if (!pending.length || pending.first.empty()) return false;
    std::size_t reached = 0;
    for (const Span& span : pending.spans) {
        if (span.begin != reached) return false;
        reached = span.end;
    }
    return reached == *pending.length;
}

FragmentReassembly::Outcome FragmentReassembly::give_up(Pending& pending, std::uint64_t& why) {
    ++why;
    ++stats_.given_up;
    remove(pending);
    return {.whole = {}, .error = {}, .lost = true};
}

void FragmentReassembly::remove(Pending& pending) {
    --stats_.pending;
    pending_.erase(pending_.begin() + (&pending - pending_.data()));
    if (pending_.empty()) pending_.shrink_to_fit();
    find_next_deadline();
}

std::optional<Octets> FragmentReassembly::expire(Instant now) {
    const auto due = std::ranges::find_if(
        pending_, [now](const Pending& pending) { return pending.due <= now; });
    if (due == pending_.end()) return std::nullopt;
    Octets first = std::move(due->first);
    ++stats_.expired;
    remove(*due);
    return first;
}

FragmentReassembly::Pending* FragmentReassembly::find(const Address& source, const Address& target,
                                                      std::uint32_t identification) {
    const auto found = std::ranges::find_if(pending_, [&](const Pending& pending) {
        return pending.identification == identification && pending.source == source &&
               pending.target == target;
    });
    return found == pending_.end() ? nullptr : &*found;
}

void FragmentReassembly::find_next_deadline() noexcept {
    next_deadline_ = never;
    for (const Pending& pending : pending_) next_deadline_ = std::min(next_deadline_, pending.due);
}

}  // namespace causeway::ip
