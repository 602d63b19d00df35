#include "secure/oscore.hpp"

#include "crypto/digest.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

/// A context is found by kid and kid context together, or by kid alone where a request brings no
/// kid context. [RFC 8613 §5.1, §8.2]
std::string ids_key(Bytes kid, std::optional<Bytes> kid_context) {
    std::string key(1, static_cast<char>(kid.size()));
    key += as_text(kid);
    key += kid_context ? '\1' : '\0';
    if (kid_context) key += as_text(*kid_context);
    return key;
}

struct NumberKey {
    char octets[4];

    explicit NumberKey(std::uint32_t number) noexcept { std::memcpy(octets, &number, 4); }
    [[nodiscard]] std::string_view text() const noexcept { return {octets, sizeof octets}; }
};

std::optional<Bytes> borrowed(const std::optional<Octets>& octets) {
    return octets ? std::optional<Bytes>(*octets) : std::nullopt;
}

std::optional<ContextFault> fault_of(const ContextConfig& config) {
    if (config.master_secret.empty()) return ContextFault::no_secret;
    // "The maximum length of Sender ID in bytes equals the length of the AEAD nonce minus 6".
    // [RFC 8613 §3.3]
    const std::size_t id_max = sizes_of(config.aead).nonce - 6;
    const std::size_t longer = std::max(config.sender_id.size(), config.recipient_id.size());
    if (longer > id_max) return ContextFault::id_too_long;
    // Flags, Partial IV, length, kid context and kid make one option. [RFC 8613 §6.1]
    if (config.id_context && config.id_context->size() + longer + 7 > OscoreOption::octets_max)
        return ContextFault::id_too_long;
    if (config.sender_id == config.recipient_id) return ContextFault::same_ids;
    // Numbers that were saved once and are not any longer would be used twice at the next start.
    if (!config.saved && !config.state.empty()) return ContextFault::unusable_state;
    if (config.sender_sequence > sequence_max + 1) return ContextFault::unusable_state;
    return std::nullopt;
}

void wipe(ContextConfig& config) {
    crypto::wipe(config.master_secret);
    crypto::wipe(config.master_salt);
}

void wipe(OscoreKeys& keys) {
    crypto::wipe(keys.sender_key);
    crypto::wipe(keys.recipient_key);
    crypto::wipe(keys.common_iv);
}

}  // namespace

Oscore::Oscore(const OscoreSettings& settings, Random random)
    : settings_(settings),
      random_(random.fork(1)),
      by_number_(random.fork(2).next()),
      by_ids_(random.fork(3).next()),
      by_kid_(random.fork(4).next()),
      by_key_(random.fork(5).next()) {
    CAUSEWAY_ASSERT(settings.contexts_max > 0 && settings.contexts_max < 65536);
    CAUSEWAY_ASSERT(settings.tries_max > 0 && settings.tries_max <= alike_max);
    CAUSEWAY_ASSERT(settings.replay_window > 0 && settings.replay_window <= 64);
    CAUSEWAY_ASSERT(settings.reserve_step > 0 && settings.observations_max > 0);
    slots_.resize(1);
}

Oscore::~Oscore() = default;

// ---- contexts ----------------------------------------------------------------------------------

std::expected<std::uint32_t, ContextFault> Oscore::add(ContextConfig config) {
    const auto refused = [&](ContextFault fault) {
        wipe(config);
        ++stats_.add_refused;
        return std::unexpected(fault);
    };
    if (const auto fault = fault_of(config)) return refused(*fault);
    const std::string ids = ids_key(config.recipient_id, borrowed(config.id_context));
    const Slots* alike = by_ids_.find(ids);
    if (alike != nullptr && alike->size() >= settings_.tries_max)
        return refused(ContextFault::too_many_alike);

    const Octets state = std::move(config.state);
    OscoreKeys keys = OscoreKeys::derive(config);
    wipe(config);
    auto context =
        std::make_unique<OscoreContext>(std::move(config), keys, settings_.replay_window);
    wipe(keys);
    // "the quartet (Master Secret, Master Salt, ID Context, Sender ID) MUST be unique" [RFC 8613
    // §3.3]
    if (by_key_.contains(as_text(context->fingerprint))) return refused(ContextFault::duplicate);
    if (!state.empty())
        if (const auto fault = context->restore(state)) return refused(*fault);
    const auto slot = vacant_slot();
    if (!slot) return refused(ContextFault::table_full);

    Slot& place = slots_[*slot];
    place.context = std::move(context);
    // All have been used before those of long ago are used again.
    do ++last_number_;
    while (last_number_ == 0 || by_number_.contains(NumberKey(last_number_).text()));
    place.number = last_number_;
    const ContextFacts& facts = place.context->facts;
    by_number_.set(NumberKey(place.number).text(), *slot);
    by_key_.set(as_text(place.context->fingerprint), *slot);
    by_ids_.insert(ids, {}).value->push_back(*slot);
    if (facts.id_context) {
        // More than can be tried are found by their kid context alone.
        Slots& same_kid = *by_kid_.insert(as_text(facts.recipient_id), {}).value;
        if (same_kid.size() < settings_.tries_max) same_kid.push_back(*slot);
    }
    if (facts.evictable) list(*slot);
    ++live_;
    ++stats_.added;
    // Also what will never send with a number of its own is remembered as in use: the next start
    // must not take its window for an empty one. [RFC 8613 §7.5]
    if (facts.saved) save(*slot);
    return place.number;
}

bool Oscore::remove(std::uint32_t context) {
    const std::uint16_t slot = slot_of(context);
    if (slot == 0) return false;
    vacate(slot);
    ++stats_.removed;
    return true;
}

std::optional<std::uint32_t> Oscore::find(Bytes kid, std::optional<Bytes> kid_context) const {
    const Slots slots = candidates(kid, kid_context);
    return slots.empty() ? std::nullopt : std::optional(slots_[slots.front()].number);
}

const ContextFacts* Oscore::facts(std::uint32_t context) const noexcept {
    const std::uint16_t slot = slot_of(context);
    return slot == 0 ? nullptr : &slots_[slot].context->facts;
}

std::uint16_t Oscore::slot_of(std::uint32_t context) const noexcept {
    if (closed_ || context == 0) return 0;
    const std::uint16_t* slot = by_number_.find(NumberKey(context).text());
    return slot == nullptr ? std::uint16_t{0} : *slot;
}

Oscore::Slots Oscore::candidates(Bytes kid, std::optional<Bytes> kid_context) const {
    Slots found;
    if (kid.size() > crypto::aead_nonce_octets_max || closed_) return found;
    if (const Slots* exact = by_ids_.find(ids_key(kid, kid_context))) found = *exact;
    if (kid_context) return found;  // it SHALL be that one [RFC 8613 §5]
    if (const Slots* others = by_kid_.find(as_text(kid)))
        for (const std::uint16_t slot : *others)
            if (found.size() < settings_.tries_max) found.push_back(slot);
    return found;
}

std::optional<std::uint16_t> Oscore::vacant_slot() {
    if (live_ == settings_.contexts_max) {
        const std::uint16_t oldest = slots_[0].behind;
        if (oldest == 0) return std::nullopt;
        vacate(oldest);
        ++stats_.evicted;
    }
    if (vacant_.empty()) {
        slots_.emplace_back();
        return static_cast<std::uint16_t>(slots_.size() - 1);
    }
    const std::uint16_t slot = vacant_.back();
    vacant_.pop_back();
    return slot;
}

void Oscore::vacate(std::uint16_t slot) {
    Slot& place = slots_[slot];
    const ContextFacts& facts = place.context->facts;
    const auto drop = [&](Lookup<Slots>& table, std::string_view key) {
        Slots* slots = table.find(key);
        if (slots == nullptr) return;
        slots->erase_if([&](std::uint16_t s) { return s == slot; });
        if (slots->empty()) table.erase(key);
    };
    drop(by_ids_, ids_key(facts.recipient_id, borrowed(facts.id_context)));
    if (facts.id_context) drop(by_kid_, as_text(facts.recipient_id));
    by_key_.erase(as_text(place.context->fingerprint));
    by_number_.erase(NumberKey(place.number).text());
    if (place.listed) unlist(slot);
    place.context.reset();
    place.number = 0;
    vacant_.push_back(slot);
    --live_;
}

void Oscore::list(std::uint16_t slot) noexcept {
    Slot& place = slots_[slot];
    place.before = slots_[0].before;
    place.behind = 0;
    slots_[place.before].behind = slot;
    slots_[0].before = slot;
    place.listed = true;
}

void Oscore::unlist(std::uint16_t slot) noexcept {
    Slot& place = slots_[slot];
    slots_[place.before].behind = place.behind;
    slots_[place.behind].before = place.before;
    place.listed = false;
}

void Oscore::used(std::uint16_t slot) noexcept {
    if (!slots_[slot].listed || slots_[0].before == slot) return;
    unlist(slot);
    list(slot);
}

// ---- what survives -----------------------------------------------------------------------------

/// Reserves numbers, and says so. [RFC 8613 Appendix B.1.1]
void Oscore::save(std::uint16_t slot) {
    OscoreContext& context = *slots_[slot].context;
    context.reserved = std::min(context.sequence + settings_.reserve_step, sequence_max + 1);
    outbox_.push({.context = slots_[slot].number,
                  .name = context.facts.name,
                  .state = context.state(false)});
    ++stats_.saves;
}

void Oscore::close() {
    if (closed_) return;
    closed_ = true;
    for (const Slot& slot : slots_) {
        if (!slot.context || !slot.context->facts.saved) continue;
        outbox_.push({.context = slot.number,
                      .name = slot.context->facts.name,
                      .state = slot.context->state(true)});
        ++stats_.saves;
    }
}

std::optional<std::uint64_t> Oscore::take_sequence(std::uint16_t slot) {
    OscoreContext& context = *slots_[slot].context;
    if (context.facts.saved && !context.exhausted() && context.sequence >= context.reserved)
        save(slot);
    return context.next_sequence();
}

}  // namespace causeway::secure
