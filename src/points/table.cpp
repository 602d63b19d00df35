#include "points/table.hpp"

#include "base/ascii.hpp"
#include "points/table_state.hpp"

#include <cmath>

namespace causeway::points {
namespace {

constexpr std::size_t path_octets_max = 65'535;  // of a topic, and of a Lookup

std::string joined(std::string_view device, std::string_view name) {
    std::string path(device);
    path += '/';
    path += name;
    return path;
}

bool is_same(const Value& a, const Value& b) noexcept {
    const auto* real = std::get_if<double>(&a);
    const auto* other = std::get_if<double>(&b);
    if (real != nullptr && other != nullptr)
        return *real == *other || (std::isnan(*real) && std::isnan(*other));
    return a == b;
}

bool has_moved(double from, double to, double deadband) noexcept {
    if (from == to) return false;
    if (std::isnan(from) || std::isnan(to)) return std::isnan(from) != std::isnan(to);
    return std::abs(to - from) > deadband;
}

bool has_moved(std::int64_t from, std::int64_t to, double deadband) noexcept {
    const auto low = static_cast<std::uint64_t>(std::min(from, to));
    const auto high = static_cast<std::uint64_t>(std::max(from, to));
    return from != to && static_cast<double>(high - low) > deadband;
}

bool stamped_by_device(Time time) noexcept {
    return time.source == Time::Source::device || time.source == Time::Source::unsynchronised;
}

std::optional<std::uint32_t> number_of_state(const Value& value) noexcept {
    if (const auto* state = std::get_if<Enumeration>(&value)) return state->number;
    if (const auto* on = std::get_if<bool>(&value)) return *on ? 1 : 0;
    return std::nullopt;
}

bool is_alike(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

// ---- names of states ----------------------------------------------------------------------------

std::optional<std::string_view> state_of(const Definition& definition,
                                         const Value& value) noexcept {
    const auto number = number_of_state(value);
    if (!number || *number >= definition.states.size() || definition.states[*number].empty())
        return std::nullopt;
    return definition.states[*number];
}

std::string text_of(const Definition& definition, const Value& value) {
    if (const auto name = state_of(definition, value)) return std::string(*name);
    return to_text(value);
}

std::optional<Value> value_from_text(const Definition& definition, std::string_view text) {
    const std::string_view name = trimmed(text);
    for (std::size_t i = 0; i < definition.states.size() && !name.empty(); ++i) {
        if (!is_alike(definition.states[i], name)) continue;
        if (auto value = as_kind(Enumeration{static_cast<std::uint32_t>(i)}, definition.kind))
            return value;
    }
    return from_text(text, definition.kind);
}

// ---- changes ------------------------------------------------------------------------------------

void Table::State::update(PointId point, Sample&& sample) {
    Row& of = row(point);
    ++stats.updates;
    if (sample.value.index() != of.last.value.index()) {
        // Whoever feeds a point of another kind means well; the table's promise stands.
        auto turned = as_kind(sample.value, definitions[std::to_underlying(point)].kind);
        if (!turned) {
            ++stats.mismatched;
            turned = of.last.value;
            sample.quality.set(Flag::invalid);
        }
        sample.value = *std::move(turned);
    }
    const bool differs = sample.quality != of.last.quality || !is_same(sample.value, of.last.value);
    const bool stamped = stamped_by_device(sample.time) && sample.time != of.last.time;
    of.last = std::move(sample);
    spread(std::to_underlying(point), differs, stamped);
}

void Table::State::flag(const Flagged& flagged) {
    const auto found = by_device.find(flagged.device);
    if (found == by_device.end()) return;
    for (const PointId point : found->second) {
        if (definitions[std::to_underlying(point)].driver != flagged.driver) continue;
        Sample& last = row(point).last;
        if (last.quality.has(flagged.flag) == flagged.on) continue;
        ++stats.updates;
        last.quality.set(flagged.flag, flagged.on);
        last.time = {flagged.ms, Time::Source::arrival};
        spread(std::to_underlying(point), true, false);
    }
}

void Table::State::spread(std::uint32_t point, bool differs, bool stamped) {
    if (!differs && !stamped) return;
    if (differs) ++stats.changes;
    Row& of = rows[point];
    const auto* real = std::get_if<double>(&of.last.value);
    const auto* whole = std::get_if<std::int64_t>(&of.last.value);
    for (std::uint32_t i = 0; i < of.watches.size(); ++i) {
        Watch& watch = of.watches[i];
        const bool moved = real != nullptr ? has_moved(watch.real, *real, watch.deadband)
                           : whole != nullptr
                               ? has_moved(watch.whole, *whole, watch.deadband)
                               : differs || subscribers[watch.subscriber].keeps_all();
        if (moved || !watch.told || watch.quality != of.last.quality)
            enqueue({point, i}, watch, of.last);
        else if (differs)
            ++stats.within_deadband;
    }
}

void Table::State::enqueue(WatchAt at, Watch& watch, const Sample& sample) {
    Subscriber& subscriber = subscribers[watch.subscriber];
    if (subscriber.idle()) out.push(Ready{SubscriberId{watch.subscriber}});
    watch.tell(sample);
    ++stats.queued;
    if (!subscriber.keeps_all()) {
        // The sample itself is the point's last, when it is taken.
        if (watch.waiting != nowhere) {
            ++stats.merged;
            return;
        }
        watch.waiting = 0;
        ++stats.waiting;
        return subscriber.newest.push(at);
    }
    watch.waiting = subscriber.all.push(at, sample, watch.waiting);
    ++stats.waiting;
    if (subscriber.all.size() <= subscriber.settings.queue_max || !subscriber.all.drop_old())
        return;
    --stats.waiting;
    ++stats.dropped;
    ++subscriber.lost;
}

std::optional<Change> Table::State::take(Subscriber& subscriber) {
    if (subscriber.idle()) return std::nullopt;
    --stats.waiting;
    ++stats.taken;
    if (!subscriber.keeps_all()) {
        const WatchAt at = subscriber.newest.pop();
        Row& of = rows[at.point];
        of.watches[at.watch].waiting = nowhere;
        of.watches[at.watch].tell(of.last);
        return Change{PointId{at.point}, of.last};
    }
    ChangeList::Popped oldest = subscriber.all.pop();
    std::uint32_t& newest = rows[oldest.from.point].watches[oldest.from.watch].waiting;
    if (newest == oldest.at) newest = nowhere;
    return Change{PointId{oldest.from.point}, std::move(oldest.sample)};
}

// ---- the table ----------------------------------------------------------------------------------

Table::Table() : Table(Settings{}) {}
Table::Table(Settings settings) : state_(std::make_unique<State>(settings)) {}
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

std::optional<PointId> Table::define(Definition definition) {
    std::string path = joined(definition.device, definition.name);
    const auto number = static_cast<std::uint32_t>(state_->rows.size());
    if (path.size() > path_octets_max || !state_->by_path.insert(path, number).is_new)
        return std::nullopt;
    const PointId id{number};
    const auto [device, is_new] = state_->by_device.try_emplace(definition.device);
    if (is_new) state_->devices.push_back(definition.device);
    device->second.push_back(id);
    state_->rows.push_back({{zero_of(definition.kind), {}, Flag::never_known}, {}});
    state_->definitions.push_back(std::move(definition));
    state_->controls.emplace_back();
    return id;
}

std::optional<PointId> Table::find(std::string_view device, std::string_view name) const {
    const auto found = find(joined(device, name));
    if (!found || definition(*found).device != device) return std::nullopt;
    return found;
}

std::optional<PointId> Table::find(std::string_view path) const {
    const std::uint32_t* const number = state_->by_path.find(path);
    return number != nullptr ? std::optional(PointId{*number}) : std::nullopt;
}

std::size_t Table::size() const noexcept {
    return state_->rows.size();
}

const Definition& Table::definition(PointId point) const {
    CAUSEWAY_ASSERT(std::to_underlying(point) < state_->definitions.size());
    return state_->definitions[std::to_underlying(point)];
}

std::string Table::path(PointId point) const {
    return joined(definition(point).device, definition(point).name);
}

std::vector<PointId> Table::points_of(std::string_view device) const {
    const auto found = state_->by_device.find(device);
    return found != state_->by_device.end() ? found->second : std::vector<PointId>();
}

const std::vector<std::string>& Table::devices() const noexcept {
    return state_->devices;
}

SubscriberId Table::subscribe(SubscriberSettings settings) {
    state_->subscribers.push_back({.settings = settings, .newest = {}, .all = {}});
    return SubscriberId{static_cast<std::uint32_t>(state_->subscribers.size() - 1)};
}

void Table::watch(SubscriberId subscriber, PointId point, double deadband) {
    const std::uint32_t number = std::to_underlying(subscriber);
    CAUSEWAY_ASSERT(number < state_->subscribers.size());
    auto& [last, watches] = state_->row(point);
    const auto known = std::ranges::find(watches, number, &Watch::subscriber);
    if (known != watches.end()) {
        known->deadband = deadband;
        return;
    }
    if (!state_->subscribers[number].keeps_all()) state_->subscribers[number].newest.announce();
    watches.push_back({.subscriber = number, .deadband = deadband});
    if (last.quality.has(Flag::never_known)) return;
    const auto at = static_cast<std::uint32_t>(watches.size() - 1);
    state_->enqueue({std::to_underlying(point), at}, watches.back(), last);
}

const Sample& Table::last(PointId point) const {
    return state_->row(point).last;
}

void Table::update(Instant, PointId point, Sample sample) {
    state_->update(point, std::move(sample));
}

void Table::flag(Instant, const Flagged& flagged) {
    state_->flag(flagged);
}

CommandId Table::command(Instant now, Command command) {
    return state_->command(now, std::move(command));
}

void Table::answer(Instant now, CommandId command, Answer answer) {
    state_->answer(now, command, answer);
}

std::optional<Change> Table::take(SubscriberId subscriber) {
    CAUSEWAY_ASSERT(std::to_underlying(subscriber) < state_->subscribers.size());
    return state_->take(state_->subscribers[std::to_underlying(subscriber)]);
}

std::uint64_t Table::take_lost(SubscriberId subscriber) {
    CAUSEWAY_ASSERT(std::to_underlying(subscriber) < state_->subscribers.size());
    return std::exchange(state_->subscribers[std::to_underlying(subscriber)].lost, 0);
}

void Table::handle(Instant now, Input in) {
    std::visit(
        Overloaded{
            [&](Update& update) { state_->update(update.point, std::move(update.sample)); },
            [&](const Flagged& flagged) { state_->flag(flagged); },
            [&](Command& command) { (void)state_->command(now, std::move(command)); },
            [&](const Answered& in_hand) { state_->answer(now, in_hand.command, in_hand.answer); },
        },
        in);
}

void Table::handle_timeout(Instant now) {
    state_->expire(now);
}

std::optional<Table::Output> Table::poll_output() {
    return state_->out.poll();
}

Instant Table::next_deadline() const {
    return state_->next_deadline();
}

const Table::Stats& Table::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::points
