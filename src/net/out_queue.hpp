#pragma once
// What waits to be written to one stream, in order: octets that it owns, and bodies that it borrows
// and whose owners it keeps. For this room's .cpp files.
#include "base/bytes.hpp"
#include "net/stream_host.hpp"

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

namespace causeway::net {

class OutQueue {
public:
    [[nodiscard]] bool empty() const noexcept { return head_ == pieces_.size(); }
    /// `apart`: it is a message, and is not to be merged with what is before it.
    void push(Outgoing&& out, bool apart = false);
    /// What has not left of the piece that is next.
    [[nodiscard]] std::size_t next_octets() const noexcept {
        return empty() ? 0 : size_of(pieces_[head_]) - offset_;
    }
    /// Points `into` at what comes next; how many of them it used.
    [[nodiscard]] std::size_t gather(std::span<iovec> into) const noexcept;
    /// Copies what comes next and takes it away; how many octets that was.
    [[nodiscard]] std::size_t move_to(MutableBytes into);
    /// The next octets have left.
    void take(std::size_t octets);
    void clear() noexcept;
    /// Keeps little enough to lie in a pool.
    void trim();

private:
    [[nodiscard]] static std::size_t size_of(const Outgoing& piece) noexcept {
        return piece.octets.size() + piece.body.size();
    }

    std::vector<Outgoing> pieces_;
    std::size_t head_ = 0;    // the first piece that has not left
    std::size_t offset_ = 0;  // octets of it that have
};

}  // namespace causeway::net
