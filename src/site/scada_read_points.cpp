// [scada.mqtt] and [scada.coap].
#include "coap/uri.hpp"
#include "mqtt/topic.hpp"
#include "site/scada_reader.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

constexpr std::array kind_words{std::string_view("boolean"), std::string_view("integer"),
                                std::string_view("real"),    std::string_view("text"),
                                std::string_view("octets"),  std::string_view("enumeration")};

/// A path that another face of the gateway has, or has to have.
constexpr std::array taken_segments{std::string_view(".well-known"), std::string_view(".edhoc"),
                                    std::string_view("status"),      std::string_view("nodes"),
                                    std::string_view("rd"),          std::string_view("rd-lookup")};

}  // namespace

void ScadaReader::read_kind(const Section& section, points::Definition& definition) const {
    const auto kind = section.take<std::string>("kind");
    const std::size_t states = definition.states.size();
    definition.kind = states > 0 ? points::Kind::enumeration : points::Kind::real;
    if (kind.usable())
        definition.kind = static_cast<points::Kind>(std::ranges::find(kind_words, kind.value) -
                                                    kind_words.begin());
    const bool named = definition.kind == points::Kind::enumeration ||
                       (definition.kind == points::Kind::boolean && states == 2);
    if (states > 0 && !named)
        section.complain(kind.at, section.path_of("states") + ": not of this kind",
                         "kind = \"enumeration\", or \"boolean\" with two of them");
    const bool number =
        definition.kind == points::Kind::integer || definition.kind == points::Kind::real;
    for (const std::string_view leaf : {"factor", "offset", "least", "most"})
        if (!number && section.has(leaf))
            section.complain(section.at(), section.path_of(leaf) + ": only numbers have one",
                             "kind = \"real\" or \"integer\"");
}

std::string ScadaReader::take_topic(const Section& section, std::string_view leaf,
                                    bool needed) const {
    const auto topic =
        needed ? section.take_required<std::string>(leaf) : section.take<std::string>(leaf);
    if (!topic.usable()) return {};
    const auto& face = site_.mqtt->face;
    if (!mqtt::is_topic_name(topic.value))
        section.complain(topic.at,
                         section.path_of(leaf) + ": \"" + topic.value + "\" is no topic's name",
                         "a topic without + and #");
    else if (face && topic.value.starts_with(face->prefix + '/'))
        section.complain(topic.at, section.path_of(leaf) + ": our own points are there",
                         "a topic that does not begin with " + face->prefix + '/');
    return topic.value;
}

void ScadaReader::read_mqtt_points(const Section& section) {
    site_.mqtt.emplace();
    PointsMqttFacePlan face;
    const auto prefix = section.take<std::string>("prefix");
    face.prefix = prefix.value;
    if (prefix.usable() && (!mqtt::is_topic_name(prefix.value) || prefix.value.starts_with('$') ||
                            prefix.value.ends_with('/')))
        section.complain(prefix.at, "scada.mqtt.prefix: \"" + prefix.value + "\" will not do",
                         "a topic's name that does not begin with $ or end with /");
    face.json = section.take<std::string>("format").value == "json";
    face.commands = section.take<bool>("commands").value;
    face.retain = section.take<bool>("retain").value;
    set(face.qos, section, "qos");
    set(face.queue_max, section, "queue_max");
    site_.mqtt->face = std::move(face);
    if (!section.take<bool>("publish").value) site_.mqtt->face.reset();
    for (const Section& device : section.sections("device")) {
        PointsMqttDevice plan;
        const auto name = device.take_required<std::string>("name");
        const bool known = add_device(device, name);
        plan.name = name.value;
        plan.availability = take_topic(device, "availability", false);
        for (const Section& point : device.sections("point")) {
            PointsMqttSource source;
            source.definition = definition(point, known ? plan.name : std::string());
            read_kind(point, source.definition);
            source.scaling = scaling(point);
            source.topic = take_topic(point, "topic", true);
            source.command_topic = take_topic(point, "command_topic", false);
            if (!source.topic.empty() && source.topic == source.command_topic)
                point.complain(point.at(),
                               point.path_of("command_topic") + ": it would hear itself",
                               "two topics");
            const auto pointer = point.take<std::string>("pointer");
            source.pointer = pointer.value;
            if (pointer.usable() && !pointer.value.starts_with('/'))
                point.complain(pointer.at, point.path_of("pointer") + ": it begins with a slash",
                               "as in /temperature");
            source.command_payload = point.take<std::string>("command_payload").value;
            source.stale_after = point.take<Duration>("stale_after").value;
            source.definition.command_timeout = point.take<Duration>("command_timeout").value;
            source.definition.writable = !source.command_topic.empty();
            add_point(point, point.take<std::string>("name"), source.definition);
            plan.points.push_back(std::move(source));
        }
        site_.mqtt->devices.push_back(std::move(plan));
    }
}

void ScadaReader::read_coap_points(const Section& section) {
    site_.coap.emplace();
    PointsCoapFacePlan face;
    const auto path = section.take<std::string>("path");
    face.path = path.value;
    const std::string_view first =
        std::string_view(path.value).substr(path.value.starts_with('/') ? 1 : 0);
    if (path.usable() && (!path.value.starts_with('/') || path.value.ends_with('/') ||
                          std::ranges::find(taken_segments, first.substr(0, first.find('/'))) !=
                              taken_segments.end()))
        section.complain(path.at, "scada.coap.path: \"" + path.value + "\" will not do",
                         "a path that begins with a slash and that nobody else has");
    face.commands = section.take<bool>("commands").value;
    set(face.discoverable_max, section, "discoverable_max");
    site_.coap->face = std::move(face);
    if (!section.take<bool>("publish").value) site_.coap->face.reset();
    for (const Section& device : section.sections("device")) {
        PointsCoapDevice plan;
        const auto name = device.take_required<std::string>("name");
        const bool known = add_device(device, name);
        plan.name = name.value;
        const auto uri = device.take_required<std::string>("uri");
        plan.uri = uri.value;
        const auto parsed = coap::Uri::from_text(uri.value);
        if (uri.usable() && (!parsed || !parsed->path.empty() || !parsed->query.empty()))
            device.complain(uri.at, "scada.coap.device.uri: \"" + uri.value + "\" will not do",
                            "scheme and server alone, as in coap://[fd00::1]:5683");
        plan.every = device.take<Duration>("every").value;
        for (const Section& point : device.sections("point")) {
            PointsCoapSource source;
            source.definition = definition(point, known ? plan.name : std::string());
            read_kind(point, source.definition);
            source.scaling = scaling(point);
            const auto resource = point.take_required<std::string>("path");
            source.path = resource.value;
            if (resource.usable() && !resource.value.starts_with('/'))
                point.complain(resource.at, point.path_of("path") + ": it begins with a slash",
                               "as in /sensors/temperature");
            source.format = point.take<std::string>("format").value == "senml"
                                ? PointsCoapFormat::senml
                                : PointsCoapFormat::text;
            source.record = point.take<std::string>("record").value;
            source.command_path = point.take<std::string>("command_path").value;
            source.observe = point.take<bool>("observe").value;
            source.every = point.take<Duration>("every").value;
            source.stale_after = point.take<Duration>("stale_after").value;
            source.definition.writable = point.take<bool>("writable").value;
            add_point(point, point.take<std::string>("name"), source.definition);
            plan.points.push_back(std::move(source));
        }
        site_.coap->devices.push_back(std::move(plan));
    }
}

std::vector<std::string> ScadaReader::shown_devices(const Section& section) const {
    const auto devices = section.take<std::vector<std::string>>("devices");
    std::vector<std::string_view> names;
    for (const auto& [name, at] : devices_) names.push_back(name);
    for (const std::string& device : devices.value) {
        if (devices_.contains(device)) continue;
        const std::string_view meant = nearest(device, names);
        section.complain(
            devices.at,
            section.path_of("devices") + ": there is no device \"" + device + '"' +
                (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?"),
            "names of devices");
    }
    return devices.value;
}

}  // namespace causeway::site
