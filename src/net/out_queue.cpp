#include "net/out_queue.hpp"

#include <algorithm>
#include <cstring>

namespace causeway::net {
namespace {

// A small piece costs more as a piece than as a copy.
constexpr std::size_t small_octets = 512;
constexpr std::size_t merged_octets_max = 16 << 10;
constexpr std::size_t pieces_kept = 64;

}  // namespace

void OutQueue::push(Outgoing&& out, bool apart) {
    const std::size_t size = size_of(out);
    if (size == 0) return;
    if (!empty() && !apart && size <= small_octets) {
        Outgoing& last = pieces_.back();
        if (!last.body.empty() && last.body.size() <= small_octets) {
            last.octets.insert(last.octets.end(), last.body.begin(), last.body.end());
            last.body = {};
            last.body_owner.reset();
        }
        if (last.body.empty() && last.octets.size() + size <= merged_octets_max) {
            last.octets.insert(last.octets.end(), out.octets.begin(), out.octets.end());
            last.octets.insert(last.octets.end(), out.body.begin(), out.body.end());
            return;
        }
    }
    pieces_.push_back(std::move(out));
}

std::size_t OutQueue::gather(std::span<iovec> into) const noexcept {
    std::size_t used = 0;
    std::size_t skip = offset_;
    const auto add = [&](Bytes part) {
        if (skip >= part.size()) {
            skip -= part.size();
            return;
        }
        part = part.subspan(skip);
        skip = 0;
        // sendmsg() does not write to it.
        into[used++] = {const_cast<std::byte*>(part.data()), part.size()};
    };
    for (std::size_t i = head_; i < pieces_.size() && used + 2 <= into.size(); ++i) {
        add(pieces_[i].octets);
        add(pieces_[i].body);
    }
    return used;
}

std::size_t OutQueue::move_to(MutableBytes into) {
    std::size_t moved = 0;
    while (moved < into.size() && !empty()) {
        const Outgoing& piece = pieces_[head_];
        Bytes part = piece.octets;
        std::size_t skip = offset_;
        if (skip >= part.size()) {
            skip -= part.size();
            part = piece.body;
        }
        part = part.subspan(skip);
        part = part.first(std::min(part.size(), into.size() - moved));
        std::memcpy(into.data() + moved, part.data(), part.size());
        moved += part.size();
        take(part.size());
    }
    return moved;
}

void OutQueue::take(std::size_t octets) {
    while (octets != 0) {
        Outgoing& piece = pieces_[head_];
        const std::size_t left = size_of(piece) - offset_;
        if (octets < left) {
            offset_ += octets;
            break;
        }
        octets -= left;
        offset_ = 0;
        piece = {};
        ++head_;
    }
    if (empty()) {
        pieces_.clear();
        head_ = 0;
    } else if (head_ >= pieces_kept && head_ * 2 >= pieces_.size()) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
}

void OutQueue::clear() noexcept {
    pieces_.clear();
    head_ = 0;
    offset_ = 0;
}

void OutQueue::trim() {
    if (pieces_.capacity() > pieces_kept) pieces_ = {};
}

}  // namespace causeway::net
