#include "sim/medium.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace causeway::sim {

using link::ieee802154::air_time;
using link::ieee802154::cca_time;
using link::ieee802154::Frame;
using link::ieee802154::FrameReceived;
using link::ieee802154::turnaround;

namespace {

/// Whatever is still to be judged began at most this long ago.
constexpr Duration longest_air_time = air_time(Frame::capacity);
constexpr std::uint64_t dice_stream = 0x64696365;

bool overlap(Instant a_from, Instant a_to, Instant b_from, Instant b_to) noexcept {
    return a_from < b_to && b_from < a_to;
}

std::vector<Position> places(const MediumPlan& plan) {
    std::vector<Position> all;
    all.reserve(plan.radios.size());
    for (const RadioSite& site : plan.radios) all.push_back(site.at);
    return all;
}

/// From the sensitivity (0) to 40 dB above it (255), as transceivers of this kind report it.
std::uint8_t link_quality(double dbm, double sensitivity_dbm) {
    return static_cast<std::uint8_t>(
        std::clamp((dbm - sensitivity_dbm) * 255.0 / 40.0, 0.0, 255.0));
}

}  // namespace

std::string_view name_of(Fate fate) noexcept {
    switch (fate) {
        case Fate::delivered:
            return "delivered";
        case Fate::too_weak:
            return "too_weak";
        case Fate::radio_busy:
            return "radio_busy";
        case Fate::collision:
            return "collision";
        case Fate::noise:
            return "noise";
        case Fate::fading:
            return "fading";
        case Fate::radio_off:
            return "radio_off";
        case Fate::count:
            break;
    }
    return "?";
}

bool Medium::Stats::balanced() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t fate : fates) sum += fate;
    return sum == copies && assessments_busy <= assessments;
}

Medium::Medium(World& world, MediumPlan plan, Listener& listener, Tap* tap)
    : world_(world),
      plan_(std::move(plan)),
      listener_(listener),
      tap_(tap),
      self_(world.admit(*this)),
      propagation_(plan_.channel, world.random_for(propagation_stream)),
      links_(propagation_, places(plan_), plan_.radio.transmit_power_dbm,
             link_floor_dbm(plan_.channel, plan_.radio)),
      airspace_(places(plan_),
                propagation_.range_metres(plan_.radio.transmit_power_dbm,
                                          link_floor_dbm(plan_.channel, plan_.radio)),
                longest_air_time),
      capture_ratio_(milliwatts(plan_.channel.capture_db)),
      noise_milliwatts_(milliwatts(plan_.channel.noise_floor_dbm)),
      cca_milliwatts_(milliwatts(plan_.channel.cca_threshold_dbm)),
      radios_(plan_.radios.size()) {
    const Random dice = world.random_for(dice_stream);
    for (std::uint32_t i = 0; i < radios_.size(); ++i) {
        const RadioSite& site = plan_.radios[i];
        radios_[i].random = dice.fork(i);
        radios_[i].external = site.external;
        if (site.external) {
            externals_.push_back(i);
            set_power(i, true);
        } else {
            by_eui64_.emplace_back(site.eui64, i);
        }
    }
    std::ranges::sort(by_eui64_);
    interferer_milliwatts_.reserve(plan_.interferers.size() * radios_.size());
    for (std::uint32_t k = 0; k < plan_.interferers.size(); ++k) {
        const InterfererPlan& interferer = plan_.interferers[k];
        for (std::uint32_t i = 0; i < radios_.size(); ++i)
            interferer_milliwatts_.push_back(
                static_cast<float>(milliwatts(propagation_.interferer_dbm(
                    {k, i}, distance(interferer.at, plan_.radios[i].at), interferer.power_dbm))));
    }
}

// ---- sending -----------------------------------------------------------------------------------

void Medium::set_power(std::uint32_t radio, bool on) {
    Radio& self = radios_[radio];
    if (on == (self.state != State::off)) return;
    const Instant now = world_.now();
    if (on) {
        self.state = State::listening;
        self.on_since = self.receiving_until = now;
        self.owed = {};
        return;
    }
    if (self.state == State::sending) {
        ++stats_.frames_cut_short;
        airspace_.cut_short(now, radio, [&](const Airspace::Flight& flight) {
            if (flight.start < now) self.time_transmit += now - flight.start;
        });
    }
    self.time_on += now - self.on_since;
    self.state = State::off;
}

void Medium::transmit(std::uint32_t radio, const link::ieee802154::TransmitFrame& request) {
    Radio& self = radios_[radio];
    CAUSEWAY_ASSERT(self.state == State::listening);
    const Instant now = world_.now();
    self.frame = request.frame;
    if (!request.assess_channel) return start_sending(now + turnaround, radio);
    self.state = State::assessing;
    self.due = now + cca_time;
    world_.at(self.due, self_, assessment_ends, radio);
}

void Medium::act(Instant now, std::uint16_t what, std::uint32_t whom) {
    if (what == held_ends) {
        const Held held = std::exchange(held_[whom], {});
        return arrive({held.sender, held.start, now, held.frame});
    }
    const State expected = what == assessment_ends ? State::assessing : State::sending;
    if (radios_[whom].state != expected || radios_[whom].due != now) return;  // lost its power
    if (what == assessment_ends) return end_assessment(now, whom);
    end_sending(now, whom);
}

void Medium::end_assessment(Instant now, std::uint32_t radio) {
    ++stats_.assessments;
    if (!channel_busy(radio, now - cca_time, now)) return start_sending(now + turnaround, radio);
    ++stats_.assessments_busy;
    radios_[radio].state = State::listening;
    listener_.transmit_ended(radio, false);
}

void Medium::start_sending(Instant start, std::uint32_t radio) {
    Radio& self = radios_[radio];
    self.state = State::sending;
    self.due = start + air_time(self.frame.size());
    const Flight flight{radio, start, self.due, self.frame};
    put_on_air(flight);
    world_.at(self.due, self_, sending_ends, radio);
    hand_to_externals(flight);
}

void Medium::end_sending(Instant now, std::uint32_t radio) {
    Radio& self = radios_[radio];
    const Duration spent = air_time(self.frame.size());
    self.time_transmit += spent;
    self.state = State::listening;
    // Receivers first: the sender may start its next frame when told that this one has ended.
    arrive({radio, now - spent, now, self.frame});
    listener_.transmit_ended(radio, true);
}

void Medium::transmit_external(std::uint32_t radio, const Frame& frame) {
    Radio& self = radios_[radio];
    const Instant now = world_.now();
    const Duration spent = air_time(frame.size());
    const Audience audience = audience_of(frame.bytes());
    const bool answers = audience.kind == Audience::Kind::acknowledgement &&
                         self.owed.to != no_radio && audience.sequence == self.owed.sequence;
    // An acknowledgement goes right after its frame; anything else after all that it has been
    // handed, as its own channel assessment would have made it wait.
    const Instant not_before = (answers ? self.owed.frame_end : self.handed_until) + turnaround;
    const Instant end = std::max(now, not_before + spent);
    self.time_transmit += spent;
    const Flight flight{radio, end - spent, end, frame};
    put_on_air(flight);
    if (end == now) return arrive(flight);
    ++stats_.answers_held;
    auto slot = std::ranges::find(held_, no_radio, &Held::sender);
    if (slot == held_.end()) slot = held_.insert(held_.end(), Held{});
    *slot = {radio, flight.start, frame};
    world_.at(end, self_, held_ends, static_cast<std::uint32_t>(slot - held_.begin()));
}

void Medium::put_on_air(const Flight& flight) {
    ++stats_.frames_sent;
    airspace_.add(world_.now(), flight.sender, flight.start, flight.end);
    if (tap_ != nullptr)
        tap_->saw({flight.start, NodeId{flight.sender}, "air.frame", plan_.radio_channel,
                   flight.frame.bytes()});
}

// ---- arriving ----------------------------------------------------------------------------------

void Medium::arrive(const Flight& flight) {
    const Audience audience = audience_of(flight.frame.bytes());
    const auto receive_at = [&](std::uint32_t radio) {
        const Link* link = links_.find(flight.sender, radio);
        if (link != nullptr) return receive(flight, audience, *link);
        count(Fate::too_weak);
    };
    if (radios_[flight.sender].external)
        for (const std::uint32_t radio : externals_)
            if (radio != flight.sender) receive_at(radio);

    if (audience.kind == Audience::Kind::one) {
        const std::uint32_t radio = radio_with(audience.eui64);
        if (radio == no_radio) return void(++stats_.unaddressed);
        return receive_at(radio);
    }
    Owed& owed = radios_[flight.sender].owed;
    if (audience.kind == Audience::Kind::acknowledgement && owed.to != no_radio &&
        owed.sequence == audience.sequence) {
        const std::uint32_t radio = std::exchange(owed.to, no_radio);
        if (!radios_[radio].external) receive_at(radio);  // external: it has it already
        return;
    }
    for (const Link& link : links_.from(flight.sender))
        if (!link.cut && !radios_[link.to].external) receive(flight, audience, link);
}

void Medium::hand_to_externals(const Flight& flight) {
    if (externals_.empty()) return;
    const Audience audience = audience_of(flight.frame.bytes());
    for (const std::uint32_t radio : externals_) {
        const Link* link = links_.find(flight.sender, radio);
        if (link != nullptr)
            receive(flight, audience, *link);
        else
            count(Fate::too_weak);
    }
}

void Medium::receive(const Flight& flight, const Audience& audience, const Link& link) {
    Radio& receiver = radios_[link.to];
    const Fate fate = fate_of(flight, link, receiver);
    count(fate);
    if (fate != Fate::delivered) return;
    receiver.time_receive +=
        flight.end - std::max(flight.start, std::min(receiver.receiving_until, flight.end));
    receiver.receiving_until = std::max(receiver.receiving_until, flight.end);
    if (receiver.external) receiver.handed_until = std::max(receiver.handed_until, flight.end);
    // External radios overhear what is for others: that is not theirs to acknowledge.
    if (audience.wants_acknowledgement &&
        (!receiver.external || radio_with(audience.eui64) == no_radio))
        receiver.owed = {flight.sender, audience.sequence, flight.end};
    const double dbm = double{link.dbm};
    listener_.frame_received(
        link.to, {.frame = flight.frame,
                  .rssi_dbm = static_cast<std::int8_t>(std::clamp(std::lround(dbm), -127L, 127L)),
                  .lqi = link_quality(dbm, plan_.radio.sensitivity_dbm)});
}

Fate Medium::fate_of(const Flight& flight, const Link& link, Radio& receiver) const {
    if (receiver.state == State::off || receiver.on_since > flight.start) return Fate::radio_off;
    if (double{link.dbm} < plan_.radio.sensitivity_dbm) return Fate::too_weak;

    double disturbance = interferers_milliwatts(link.to, flight.start, flight.end);
    bool busy = false;
    airspace_.near(link.to, [&](const Airspace::Flight& other) {
        if (other.sender == link.to) {
            // A node's radio is deaf from when it begins to turn around. An external one's is not
            // ours to judge: only its time on the air counts.
            const Instant deaf = receiver.external ? other.start : other.start - turnaround;
            busy = busy || overlap(flight.start, flight.end, deaf, other.end);
            return;
        }
        if (other.sender == flight.sender ||
            !overlap(flight.start, flight.end, other.start, other.end))
            return;
        if (const Link* from_other = links_.find(other.sender, link.to); from_other != nullptr)
            disturbance += double{from_other->milliwatts};
    });
    if (busy) return Fate::radio_busy;
    const double power = double{link.milliwatts};
    double ratio_db = double{link.dbm} - plan_.channel.noise_floor_dbm;
    if (disturbance > 0) {
        if (power < capture_ratio_ * disturbance) return Fate::collision;
        ratio_db = dbm_of(power / (noise_milliwatts_ + disturbance));
    }
    const std::size_t octets =
        flight.frame.size() + link::ieee802154::fcs_octets + link::ieee802154::phy_header_octets;
    const double intact = bit_errors_.frame_success(ratio_db, octets);
    const double throw_of_dice = receiver.random.unit();
    const double not_faded = 1.0 - double{link.frame_loss};
    if (throw_of_dice < not_faded * intact) return Fate::delivered;
    return throw_of_dice < not_faded ? Fate::noise : Fate::fading;
}

double Medium::interferers_milliwatts(std::uint32_t radio, Instant from, Instant to) const {
    double sum = 0;
    for (std::size_t k = 0; k < plan_.interferers.size(); ++k) {
        const InterfererPlan& plan = plan_.interferers[k];
        const Instant begin = std::max(from, plan.start);
        const Instant end = std::min(to, plan.stop);
        if (begin >= end || plan.busy <= Duration{}) continue;
        // On during [start + n * period, + busy): either already at `begin`, or from the next n on.
        const Duration period = std::max(plan.period, plan.busy);
        const Duration into = (begin - plan.start) % period;
        if (into < plan.busy || begin + (period - into) < end)
            sum += double{interferer_milliwatts_[k * radios_.size() + radio]};
    }
    return sum;
}

bool Medium::channel_busy(std::uint32_t radio, Instant from, Instant to) const {
    double power = interferers_milliwatts(radio, from, to);
    bool carrier = false;
    airspace_.near(radio, [&](const Airspace::Flight& other) {
        if (other.sender == radio || !overlap(from, to, other.start, other.end)) return;
        const Link* link = links_.find(other.sender, radio);
        if (link == nullptr) return;
        carrier = carrier || double{link->dbm} >= plan_.radio.sensitivity_dbm;
        power += double{link->milliwatts};
    });
    return power >= cca_milliwatts_ || (carrier && plan_.channel.carrier_sense);
}

std::uint32_t Medium::radio_with(std::uint64_t eui64) const noexcept {
    const auto at = std::ranges::lower_bound(by_eui64_, eui64, {},
                                             [](const auto& entry) { return entry.first; });
    return at != by_eui64_.end() && at->first == eui64 ? at->second : no_radio;
}

RadioTimes Medium::times(std::uint32_t radio) const {
    const Radio& self = radios_[radio];
    const Instant now = world_.now();
    RadioTimes times;
    Duration on = self.time_on;
    times.transmit = self.time_transmit;
    if (self.state != State::off) on += now - self.on_since;
    if (self.state == State::sending) {  // what of the frame has already left
        const Instant start = self.due - air_time(self.frame.size());
        times.transmit += std::clamp(now - start, Duration{}, self.due - start);
    }
    times.receive = std::min(self.time_receive, on - times.transmit);
    times.listen = on - times.transmit - times.receive;
    times.off = now - Instant{} - on;
    return times;
}

}  // namespace causeway::sim
