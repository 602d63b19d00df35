#include "site/points_mqtt_face.hpp"

#include "mqtt/topic.hpp"
#include "site/points_json.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

constexpr std::string_view set_suffix = "/set";
constexpr std::string_view outcome_suffix = "/outcome";
constexpr std::size_t replies_max = 10'000;
constexpr std::size_t correlation_octets_max = 1'024;

/// Whoever shares a topic for outcomes shares selections: nothing else tells MQTT's clients apart.
std::uint64_t session_of(std::string_view response_topic) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : response_topic)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return response_topic.empty() ? 0 : hash;
}

}  // namespace

PointsMqttFace::PointsMqttFace(PointsMqttFacePlan plan, PointHub& hub, PointsMqttLink& link,
                               PointsMqtt::Stats& stats)
    : plan_(std::move(plan)), hub_(hub), link_(link), stats_(stats), filter_(plan_.prefix + "/#") {
    // Neither what we say ourselves nor commands from before we were here.
    entries_.push_back({.filter = filter_,
                        .options = {.qos_max = mqtt::Qos::exactly_once,
                                    .no_local = true,
                                    .retain_handling = mqtt::RetainHandling::do_not_send}});
}

bool PointsMqttFace::shows(const std::string& device) const {
    return plan_.devices.empty() || std::ranges::find(plan_.devices, device) != plan_.devices.end();
}

void PointsMqttFace::start() {
    const std::weak_ptr<const char> life = alive_;
    requester_ = hub_.add_requester([this, life](const points::Table::Completed& over) {
        if (!life.expired()) completed(over);
    });
    subscriber_ = hub_.add_subscriber(
        {.keep = points::SubscriberSettings::Keep::all, .queue_max = plan_.queue_max},
        [this, life] {
            if (!life.expired()) carry();
        });
    points::Table& table = hub_.table();
    is_shown_.resize(table.size());
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        const points::PointId point{i};
        if (!shows(table.definition(point).device)) continue;
        is_shown_[i] = true;
        shown_.push_back(point);
        table.watch(subscriber_, point);
    }
}

void PointsMqttFace::connected() {
    if (plan_.commands) link_.subscribe(entries_);
    carry();
}

// ---- points -------------------------------------------------------------------------------------

void PointsMqttFace::carry() {
    // What an earlier run left behind must not be taken for what is so now.
    for (; plan_.retain && greeted_ < shown_.size() && link_.has_room(); ++greeted_) {
        const points::Sample& last = hub_.table().last(shown_[greeted_]);
        if (last.quality.has(points::Flag::never_known)) publish(shown_[greeted_], last);
    }
    while (link_.has_room()) {
        const auto change = hub_.table().take(subscriber_);
        if (!change) break;
        publish(change->point, change->sample);
    }
    stats_.lost += hub_.table().take_lost(subscriber_);
}

std::string PointsMqttFace::topic_of(points::PointId point) const {
    return plan_.prefix + '/' + hub_.table().path(point);
}

void PointsMqttFace::publish(points::PointId point, const points::Sample& sample) {
    const points::Definition& definition = hub_.table().definition(point);
    PointsMqttLink::Parcel parcel{.topic = topic_of(point),
                                  .payload = {},
                                  .qos = static_cast<mqtt::Qos>(plan_.qos),
                                  .retain = plan_.retain};
    if (plan_.json) {
        parcel.payload = json_of(definition, sample);
        parcel.content_type = "application/json";
    } else {
        if (!sample.quality.has(points::Flag::never_known))
            parcel.payload = points::text_of(definition, sample.value);
        parcel.user.emplace_back("q", points::to_text(sample.quality));
        if (sample.time.source != points::Time::Source::none)
            parcel.user.emplace_back("t", seconds_text(sample.time.ms));
    }
    ++stats_.published;
    link_.publish(0, parcel);
}

// ---- commands -----------------------------------------------------------------------------------

bool PointsMqttFace::is_own(std::string_view topic) const {
    return topic.starts_with(plan_.prefix) && topic.substr(plan_.prefix.size()).starts_with('/');
}

bool PointsMqttFace::take(const mqtt::Publish& publish) {
    if (!plan_.commands || !is_own(publish.topic) || !publish.topic.ends_with(set_suffix))
        return false;
    const std::size_t head = plan_.prefix.size() + 1;
    if (publish.topic.size() <= head + set_suffix.size()) return false;
    command(publish, publish.topic.substr(head, publish.topic.size() - head - set_suffix.size()));
    return true;
}

void PointsMqttFace::command(const mqtt::Publish& publish, std::string_view path) {
    ++stats_.commands;
    const auto response = publish.properties.response_topic;
    const std::string_view correlation = publish.properties.correlation_data.value_or("");
    const auto point = hub_.table().find(path);
    const bool known = point && std::to_underlying(*point) < is_shown_.size() &&
                       is_shown_[std::to_underlying(*point)];
    Reply where;
    // Not everywhere that a client names: an outcome is no command and no point's value, and must
    // not pass for the broker's own words.
    if (response && mqtt::is_topic_name(*response) && !response->starts_with('$') &&
        !is_own(*response)) {
        where.topic = *response;
        where.correlation = correlation;
    } else if (known) {
        where.topic = topic_of(*point) + std::string(outcome_suffix);
    }
    const auto refuse = [&](points::Outcome outcome) {
        ++stats_.refused;
        reply(where, {outcome, 0});
    };
    if (!known) return refuse(points::Outcome::not_supported);
    if (replies_.size() >= replies_max) return refuse(points::Outcome::too_many);
    auto command = command_from(hub_.table().definition(*point), as_text(publish.payload));
    if (!command || correlation.size() > correlation_octets_max)
        return refuse(points::Outcome::format_error);
    where.id = std::move(command->id);
    const std::uint64_t tag = ++last_tag_;
    replies_.emplace(tag, std::move(where));
    ++stats_.under_way;
    hub_.command({.point = *point,
                  .step = command->step,
                  .value = std::move(command->value),
                  .pulse = command->pulse,
                  .requester = requester_,
                  .session = session_of(response.value_or("")),
                  .tag = tag});
}

void PointsMqttFace::completed(const points::Table::Completed& completed) {
    auto node = replies_.extract(completed.command.tag);
    if (!node) return;
    --stats_.under_way;
    ++stats_.completed;
    reply(node.mapped(), completed.answer);
}

void PointsMqttFace::reply(const Reply& where, points::Answer answer) {
    if (where.topic.empty() || !link_.connected()) return;
    link_.publish(0, {.topic = where.topic,
                      .payload = json_of(answer, where.id),
                      .content_type = "application/json",
                      .correlation = where.correlation});
}

}  // namespace causeway::site
