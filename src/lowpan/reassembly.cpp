#include "lowpan/reassembly.hpp"

#include <algorithm>

namespace causeway::lowpan {
namespace {

constexpr std::size_t unit = 8;
constexpr std::size_t datagram_octets_min = 40;  // an IPv6 header

}  // namespace

Reassembly::Reassembly(const ReassemblySettings& settings, Teller teller)
    : settings_(settings), teller_(teller) {
    settings_.timeout = std::min(settings_.timeout, reassembly_timeout_max);
}

std::optional<Octets> Reassembly::add(Instant now, const LinkEnds& ends, Bytes fragment,
                                      const Contexts& contexts) {
    handle_timeout(now);
    ++stats_.fragments_received;
    ByteReader in(fragment);
    const auto header = FragmentHeader::parse(in);
    if (!header || header->datagram_size < datagram_octets_min || !in.more()) {
        ++stats_.fragments_malformed;
        return std::nullopt;
    }
    Bytes piece = in.rest();
    std::array<std::byte, datagram_octets_max> expanded;
    ElidedChecksum elided;
    if (header->first) {
        ++stats_.first_fragments;
        // Aside, since it may turn out to overlap what is there.
        const auto done = decompress_into(piece, ends, contexts, header->datagram_size, expanded);
        if (!done || (done->checksum_elided && !settings_.accept_elided_udp_checksum)) {
            ++stats_.fragments_not_expanded;
            return std::nullopt;
        }
        piece = Bytes(expanded).first(done->written);
        elided = done->elided;
    }
    const std::size_t offset = header->datagram_offset * unit;
    const std::size_t end = offset + piece.size();
    // Only the last piece may end between units, and only the first one may start at zero.
    if (end > header->datagram_size || (end % unit != 0 && end != header->datagram_size) ||
        header->first != (offset == 0)) {
        ++stats_.fragments_malformed;
        return std::nullopt;
    }
    const Span span{offset / unit, (end + unit - 1) / unit};

    Datagram* datagram = find(ends, *header);
    if (datagram != nullptr && overlaps(*datagram, span)) {
        if (is_duplicate(*datagram, span)) {
            ++stats_.fragments_duplicate;
            return std::nullopt;
        }
        // "the fragment(s) already accumulated in the reassembly buffer SHALL be discarded. A fresh
        // reassembly may be commenced with the most recently received link fragment."
        // [RFC 4944 §5.3]
        ++stats_.datagrams_overlapped;
        tell_failure(now, *datagram);
        restart(now, *datagram);
    } else if (datagram == nullptr) {
        datagram = make_room(now, ends, *header);
        if (datagram == nullptr) {
            ++stats_.fragments_refused;
            return std::nullopt;
        }
    }

    ++stats_.fragments_used;
    std::memcpy(datagram->octets.data() + offset, piece.data(), piece.size());
    for (std::size_t i = span.begin; i < span.end; ++i) datagram->filled.set(i);
    datagram->starts.set(span.begin);
    if (header->first) datagram->elided = elided;
    if (!complete(*datagram)) return std::nullopt;

    const ElidedChecksum to_restore = datagram->elided;
    Octets packet = take_out(*datagram);
    if (to_restore.udp_at != 0 && !restore_udp_checksum(packet, to_restore)) {
        ++stats_.datagrams_unfinished;
        return std::nullopt;
    }
    ++stats_.datagrams_reassembled;
    return packet;
}

void Reassembly::handle_timeout(Instant now) {
    if (now < next_deadline_) return;
    for (std::size_t i = 0; i < datagrams_.size();) {
        if (datagrams_[i].due > now) {
            ++i;
            continue;
        }
        ++stats_.datagrams_expired;
        tell_failure(now, datagrams_[i]);
        take_out(datagrams_[i]);
    }
}

void Reassembly::abandon_all(Instant now) {
    while (!datagrams_.empty()) {
        ++stats_.datagrams_abandoned;
        tell_failure(now, datagrams_.front());
        take_out(datagrams_.front());
    }
}

Reassembly::Datagram* Reassembly::find(const LinkEnds& ends,
                                       const FragmentHeader& header) noexcept {
    for (Datagram& d : datagrams_)
        if (d.tag == header.datagram_tag && d.size == header.datagram_size && d.ends == ends)
            return &d;
    return nullptr;
}

Reassembly::Datagram* Reassembly::make_room(Instant now, const LinkEnds& ends,
                                            const FragmentHeader& header) {
    // What could be had if the sender's earlier datagrams all gave way.
    std::size_t others = 0;
    std::size_t others_octets = 0;
    for (const Datagram& d : datagrams_) {
        if (d.ends == ends) continue;
        ++others;
        others_octets += d.size;
    }
    if (others >= settings_.datagrams_max ||
        others_octets + header.datagram_size > settings_.octets_max)
        return nullptr;
    while (datagrams_.size() >= settings_.datagrams_max ||
           octets_held_ + header.datagram_size > settings_.octets_max) {
        Datagram& earlier = *std::ranges::find(datagrams_, ends, &Datagram::ends);
        ++stats_.datagrams_replaced;
        tell_failure(now, earlier);
        take_out(earlier);
    }
    Datagram& made = datagrams_.emplace_back();
    made.ends = ends;
    made.size = header.datagram_size;
    made.tag = header.datagram_tag;
    made.octets.resize(made.size);
    octets_held_ += made.size;
    ++stats_.datagrams_pending;
    restart(now, made);
    return &made;
}

void Reassembly::restart(Instant now, Datagram& datagram) {
    ++stats_.datagrams_started;
    datagram.filled.reset();
    datagram.starts.reset();
    datagram.elided = {};
    datagram.due = after(now, settings_.timeout);
    find_next_deadline();
}

bool Reassembly::overlaps(const Datagram& datagram, Span span) noexcept {
    for (std::size_t i = span.begin; i < span.end; ++i)
        if (datagram.filled[i]) return true;
    return false;
}

/// The same octets of the datagram as a piece that is there. Their contents are not compared.
bool Reassembly::is_duplicate(const Datagram& datagram, Span span) noexcept {
    if (!datagram.starts[span.begin]) return false;
    for (std::size_t i = span.begin; i < span.end; ++i)
        if (!datagram.filled[i] || (i != span.begin && datagram.starts[i])) return false;
    const bool goes_on = span.end < units_max && datagram.filled[span.end];
    return !goes_on || datagram.starts[span.end];
}

bool Reassembly::complete(const Datagram& datagram) noexcept {
    return datagram.filled.count() == (datagram.size + unit - 1) / unit;
}

void Reassembly::tell_failure(Instant now, const Datagram& datagram) const {
    std::size_t units = 0;
    while (units < units_max && datagram.filled[units]) ++units;
    const Bytes start =
        Bytes(datagram.octets).first(std::min<std::size_t>(units * unit, datagram.size));
    teller_.tell(now, "lowpan.reassembly_failed", datagram.tag, start);
}

Octets Reassembly::take_out(Datagram& datagram) {
    Octets octets = std::move(datagram.octets);
    octets_held_ -= datagram.size;
    --stats_.datagrams_pending;
    datagrams_.erase(datagrams_.begin() + (&datagram - datagrams_.data()));
    find_next_deadline();
    return octets;
}

void Reassembly::find_next_deadline() noexcept {
    next_deadline_ = never;
    for (const Datagram& d : datagrams_) next_deadline_ = std::min(next_deadline_, d.due);
}

}  // namespace causeway::lowpan
