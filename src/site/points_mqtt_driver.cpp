#include "site/points_mqtt_driver.hpp"

#include "base/ascii.hpp"
#include "site/points_json.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

namespace causeway::site {
namespace {

namespace json = boost::json;
using points::Flag;
using points::Outcome;
using points::Sample;

bool says_online(std::string_view payload) {
    if (lowered(trimmed(payload)) == "online") return true;
    const auto parsed = json_from(payload);
    if (!parsed || !parsed->is_object()) return false;
    const json::value* const state = parsed->get_object().if_contains("state");
    return state != nullptr && state->is_string() &&
           lowered(std::string_view(state->get_string())) == "online";
}

void put_in(std::string& text, std::string_view place, std::string_view value) {
    for (std::size_t at = text.find(place); at != std::string::npos;
         at = text.find(place, at + value.size()))
        text.replace(at, place.size(), value);
}

/// As the payload has it: a number that will be scaled need not be whole.
points::Definition raw_definition(const PointsMqttSource& source) {
    points::Definition raw{.device = {}, .name = {}, .kind = source.definition.kind};
    raw.states = source.definition.states;
    if (!source.scaling.plain() && raw.kind == points::Kind::integer) raw.kind = points::Kind::real;
    return raw;
}

Outcome outcome_of(mqtt::Reason reason) {
    if (reason == mqtt::Reason::no_matching_subscribers ||
        reason == mqtt::Reason::server_unavailable)
        return Outcome::unreachable;
    if (reason == mqtt::Reason::unspecified_error) return Outcome::unanswered;
    return is_error(reason) ? Outcome::refused : Outcome::success;
}

}  // namespace

PointsMqttDriver::PointsMqttDriver(net::Io& io, std::vector<PointsMqttDevice> devices,
                                   PointHub& hub, PointsMqttLink& link, PointsMqtt::Stats& stats,
                                   const MqttService::Log& log)
    : hub_(hub), link_(link), stats_(stats), timer_(io) {
    driver_ = hub_.add_driver([this, life = std::weak_ptr<const char>(alive_)](
                                  points::CommandId id, const points::Command& command) {
        if (!life.expired()) execute(id, command);
    });
    devices_.reserve(devices.size());  // sources point into it
    for (PointsMqttDevice& device : devices) devices_.push_back({std::move(device), false});
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        for (const PointsMqttSource& source : devices_[i].plan.points) {
            points::Definition definition = source.definition;
            definition.driver = driver_;
            const auto point = hub_.table().define(std::move(definition));
            if (!point) {
                log(fmt::format("points: {}/{} is there twice", source.definition.device,
                                source.definition.name));
                continue;
            }
            by_point_.emplace(*point, sources_.size());
            feeds_[source.topic].sources.push_back(sources_.size());
            sources_.push_back({&source, i, *point});
        }
        if (!devices_[i].plan.availability.empty())
            feeds_[devices_[i].plan.availability].availability_of.push_back(i);
    }
    for (const auto& [topic, feed] : feeds_)
        entries_.push_back(
            {.filter = topic,
             .options = {.qos_max = mqtt::Qos::at_least_once, .retain_as_published = false}});
}

void PointsMqttDriver::start() {
    for (std::size_t i = 0; i < sources_.size(); ++i) heard(i);
}

void PointsMqttDriver::connected() {
    link_.subscribe(entries_);
}

void PointsMqttDriver::lost() {
    for (const Device& device : devices_)
        hub_.flag(driver_, device.plan.name, Flag::comm_lost, true);
}

// ---- what topics say ----------------------------------------------------------------------------

void PointsMqttDriver::take(const mqtt::Publish& publish) {
    const auto feed = feeds_.find(publish.topic);
    if (feed == feeds_.end()) return;
    ++stats_.messages;
    for (const std::size_t i : feed->second.availability_of) {
        devices_[i].offline = !says_online(as_text(publish.payload));
        hub_.flag(driver_, devices_[i].plan.name, Flag::comm_lost, devices_[i].offline);
    }
    for (const std::size_t i : feed->second.sources) {
        heard(i);
        read(sources_[i], publish);
    }
}

void PointsMqttDriver::read(const Source& source, const mqtt::Publish& publish) {
    auto sample = sample_in(source, as_text(publish.payload));
    if (!sample) {
        ++stats_.unreadable;
        sample = hub_.table().last(source.point);
        sample->quality.set(Flag::invalid);
        sample->quality.set(Flag::never_known, false);
        sample->time = hub_.arrival();
    } else {
        sample->value = source.plan->scaling.to_point(sample->value);
        // A retained message may be of any age.
        if (sample->time.source == points::Time::Source::none && !publish.retain)
            sample->time = hub_.arrival();
        if (publish.retain && devices_[source.device].offline) sample->quality.set(Flag::comm_lost);
    }
    hub_.update(source.point, *std::move(sample));
}

std::optional<Sample> PointsMqttDriver::sample_in(const Source& source,
                                                  std::string_view payload) const {
    const points::Definition raw = raw_definition(*source.plan);
    if (!source.plan->pointer.empty()) {
        const auto parsed = json_from(payload);
        boost::system::error_code error;
        const json::value* const at =
            parsed ? parsed->find_pointer(source.plan->pointer, error) : nullptr;
        if (at == nullptr) return std::nullopt;
        auto value = value_from(raw, *at);
        if (!value) return std::nullopt;
        return Sample{*std::move(value), {}, {}};
    }
    if (payload.starts_with('{')) {
        const auto parsed = json_from(payload);
        if (parsed && parsed->is_object() && parsed->get_object().contains("v"))
            return sample_from(raw, parsed->get_object());
    }
    if (raw.kind == points::Kind::octets) return Sample{to_octets(as_octets(payload)), {}, {}};
    auto value = points::value_from_text(raw, payload);
    if (!value) return std::nullopt;
    return Sample{*std::move(value), {}, {}};
}

// ---- silence ------------------------------------------------------------------------------------

void PointsMqttDriver::heard(std::size_t source) {
    const Duration patience = sources_[source].plan->stale_after;
    if (patience <= Duration{}) return;
    silences_.set(static_cast<std::uint32_t>(source), after(hub_.now(), patience));
    arm();
}

void PointsMqttDriver::fell_silent(std::size_t source) {
    silences_.set(static_cast<std::uint32_t>(source), never);
    ++stats_.stale;
    Sample sample = hub_.table().last(sources_[source].point);
    sample.quality.set(Flag::comm_lost);
    sample.time = hub_.arrival();
    hub_.update(sources_[source].point, std::move(sample));
}

void PointsMqttDriver::arm() {
    const Instant due = silences_.next();
    // An earlier wait is kept: waking once in vain is cheaper than to arm at every message.
    if (due == never || due >= armed_for_) return;
    armed_for_ = due;
    timer_.expires_after(due - hub_.now());
    timer_.async_wait([this, life = std::weak_ptr<const char>(alive_)](
                          const boost::system::error_code& superseded) {
        if (superseded || life.expired()) return;
        armed_for_ = never;
        while (silences_.next() <= hub_.now()) fell_silent(silences_.first());
        arm();
    });
}

// ---- commands -----------------------------------------------------------------------------------

std::optional<std::string> PointsMqttDriver::payload_of(const PointsMqttSource& source,
                                                        const points::Command& command) {
    const auto raw = source.scaling.to_raw(command.value);
    if (!raw) return std::nullopt;
    const auto whole = source.definition.kind == points::Kind::integer
                           ? points::as_kind(*raw, points::Kind::integer)
                           : std::nullopt;
    std::string value = points::text_of(source.definition, whole ? *whole : *raw);
    if (const auto* octets = std::get_if<Octets>(&command.value)) value = as_text(*octets);
    if (source.command_payload.empty()) return value;
    std::string text = source.command_payload;
    const points::Pulse pulse = command.pulse.value_or(points::Pulse{});
    put_in(text, "{on_ms}", std::to_string(pulse.on_ms));
    put_in(text, "{count}", std::to_string(pulse.count));
    put_in(text, "{v}", value);
    return text;
}

void PointsMqttDriver::execute(points::CommandId id, const points::Command& command) {
    const auto found = by_point_.find(command.point);
    if (found == by_point_.end()) return hub_.answer(id, {Outcome::not_supported, 0});
    const Source& source = sources_[found->second];
    const PointsMqttSource& plan = *source.plan;
    // "Trip" and "close" are what the value says; a pulse needs a place for its length.
    const bool pulse = command.pulse && command.pulse->form == points::Pulse::Form::pulse &&
                       command.pulse->way == points::Pulse::Way::unsaid;
    const auto payload = payload_of(plan, command);
    if (plan.command_topic.empty() || !payload ||
        (pulse && plan.command_payload.find("{on_ms}") == std::string::npos))
        return hub_.answer(id, {Outcome::not_supported, 0});
    // What waits for a connection, or for a device that is away, would be done when nobody expects
    // it any more.
    if (!link_.connected() || devices_[source.device].offline)
        return hub_.answer(id, {Outcome::unreachable, 0});
    const Duration patience =
        command.timeout > Duration{} ? command.timeout : plan.definition.command_timeout;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(patience).count();
    ++stats_.sent;
    link_.publish(std::to_underlying(id), {.topic = plan.command_topic,
                                           .payload = *payload,
                                           // Nobody is to hear it twice who can help it.
                                           .qos = mqtt::Qos::exactly_once,
                                           .expiry_seconds = static_cast<std::uint32_t>(
                                               std::clamp<std::int64_t>(seconds, 1, UINT32_MAX))});
}

void PointsMqttDriver::published(std::uint64_t ticket, mqtt::Reason reason) {
    const Outcome outcome = outcome_of(reason);
    hub_.answer(
        points::CommandId{ticket},
        {outcome, outcome == Outcome::success ? 0 : std::uint32_t{std::to_underlying(reason)}});
}

}  // namespace causeway::site
