#include "lowpan/contexts.hpp"

#include <algorithm>

namespace causeway::lowpan {
namespace {

constexpr std::uint64_t leading_ones(unsigned n) {
    return n == 0 ? 0 : ~std::uint64_t{0} << (64 - n);
}

AddressBits mask_of(unsigned length) {
    return {leading_ones(std::min(length, 64u)), leading_ones(length > 64 ? length - 64 : 0)};
}

}  // namespace

bool Contexts::set(std::uint8_t id, const Context& context) {
    if (id >= contexts_max || context.prefix.length > 128) return false;
    const AddressBits address = AddressBits::load(context.prefix.address.octets.data());
    const AddressBits mask = mask_of(context.prefix.length);
    const Entry made{.prefix = {address.high & mask.high, address.low & mask.low},
                     .mask = mask,
                     .valid_until = context.valid_until,
                     .remove_at = never,
                     .id = id,
                     .length = context.prefix.length,
                     .compression_allowed = context.compression_allowed};
    const auto at = std::ranges::lower_bound(entries_, id, {}, &Entry::id);
    if (at != entries_.end() && at->id == id)
        *at = made;
    else
        entries_.insert(at, made);
    find_next_deadline();
    return true;
}

void Contexts::remove(std::uint8_t id) noexcept {
    std::erase_if(entries_, [id](const Entry& e) { return e.id == id; });
    find_next_deadline();
}

std::optional<Context> Contexts::find(std::uint8_t id) const noexcept {
    const Entry* e = entry(id);
    if (e == nullptr) return std::nullopt;
    Context context{.prefix = {.address = {}, .length = e->length},
                    .compression_allowed = e->compression_allowed,
                    .valid_until = e->valid_until};
    e->prefix.store(context.prefix.address.octets.data());
    return context;
}

std::optional<std::uint8_t> Contexts::best_match(const ip::Address& address) const noexcept {
    const AddressBits bits = AddressBits::load(address.octets.data());
    const Entry* best = nullptr;
    for (const Entry& e : entries_) {
        if (!e.compression_allowed || !e.covers(bits)) continue;
        if (best == nullptr || e.length > best->length) best = &e;
    }
    return best == nullptr ? std::nullopt : std::optional(best->id);
}

void Contexts::handle_timeout(Instant now) {
    if (now < next_deadline_) return;
    for (Entry& e : entries_) {
        if (e.valid_until > now) continue;
        // "the entry is placed in a receive-only mode ... for a period of twice the default Router
        // Lifetime, after which the entry is removed". [RFC 6775 §5.4.3]
        e.compression_allowed = false;
        e.remove_at = after(e.valid_until, receive_only_hold);
        e.valid_until = never;
    }
    std::erase_if(entries_, [now](const Entry& e) { return e.remove_at <= now; });
    find_next_deadline();
}

void Contexts::find_next_deadline() noexcept {
    next_deadline_ = never;
    for (const Entry& e : entries_)
        next_deadline_ = std::min({next_deadline_, e.valid_until, e.remove_at});
}

}  // namespace causeway::lowpan
