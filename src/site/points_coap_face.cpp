#include "site/points_coap_face.hpp"

#include "site/points_json.hpp"
#include "site/points_senml.hpp"

#include <algorithm>
#include <expected>

namespace causeway::site {
namespace {

using coap::Code;
using coap::ContentFormat;
using coap::OptionNumber;
using coap::Response;
using points::Outcome;

constexpr std::size_t askers_max = 10'000;
/// A value may be another at any time: a cache may keep it that long, seconds.
constexpr std::uint32_t value_max_age = 1;

/// What a client is told of an outcome. [RFC 7252 §5.9]
Code code_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::success:
            return Code::changed;
        case Outcome::format_error:
            return Code::bad_request;
        case Outcome::not_supported:
            return Code::method_not_allowed;
        case Outcome::not_authorized:
        case Outcome::local:
            return Code::forbidden;
        case Outcome::out_of_range:
            return Code::unprocessable_entity;
        case Outcome::timeout:
        case Outcome::no_select:
        case Outcome::already_active:
        case Outcome::inhibited:
        case Outcome::cancelled:
            return Code::conflict;
        case Outcome::too_many:
        case Outcome::busy:
            return Code::service_unavailable;
        case Outcome::unanswered:
            return Code::gateway_timeout;
        case Outcome::hardware_error:
        case Outcome::unreachable:
        case Outcome::refused:
            break;
    }
    return Code::bad_gateway;
}

/// Whoever cannot be told apart by CoAP shares selections. [RFC 7252 §4.1]
std::uint64_t session_of(const coap::Peer& peer) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&](std::uint64_t more) { hash = (hash ^ more) * 0x100000001b3; };
    for (const std::byte octet : peer.address) mix(std::to_integer<std::uint64_t>(octet));
    mix(peer.port);
    mix(std::to_underlying(peer.transport));
    mix(peer.channel);
    mix(peer.context);
    return hash;
}

std::optional<ContentFormat> format_asked(const coap::RequestArrived& request) {
    return coap::format_in(request.options, OptionNumber::accept);
}

/// There is a representation, and it has no entity-tag. [RFC 7252 §5.10.8]
bool precondition_fails(const coap::Options& options) {
    if (options.has(OptionNumber::if_none_match)) return true;
    const auto match = options.find(OptionNumber::if_match);
    return match && !match->empty();
}

std::string encoded(std::string_view path) {
    return coap::percent_encoded(path, "/:@");
}

std::optional<points::Value> value_in(const points::Definition& definition,
                                      const std::optional<std::vector<SenmlRecord>>& pack) {
    const SenmlRecord* const record = pack ? senml_find(*pack, {}) : nullptr;
    // "True" names none of several states.
    if (record != nullptr && definition.kind == points::Kind::enumeration &&
        std::holds_alternative<bool>(*record->value))
        return std::nullopt;
    auto sample = record != nullptr ? sample_from(definition, *record, 0) : std::nullopt;
    return sample ? std::optional(std::move(sample->value)) : std::nullopt;
}

/// What a PUT wants done, or what is wrong with it.
std::expected<JsonCommand, Response> command_in(const points::Definition& definition,
                                                const coap::RequestArrived& request) {
    std::optional<JsonCommand> command;
    const auto take = [&](std::optional<points::Value> value) {
        if (value) command = JsonCommand{.value = *std::move(value)};
    };
    const std::string_view payload = as_text(request.payload);
    switch (coap::format_in(request.options, OptionNumber::content_format)
                .value_or(ContentFormat::text_plain)) {
        case ContentFormat::text_plain:
            take(points::value_from_text(definition, payload));
            break;
        case ContentFormat::json:
            command = command_from(definition, payload);
            break;
        case ContentFormat::senml_json:
            take(value_in(definition, senml_from_json(payload)));
            break;
        case ContentFormat::senml_cbor:
            take(value_in(definition, senml_from_cbor(request.payload)));
            break;
        default:
            return std::unexpected(coap::response_of(Code::unsupported_content_format));
    }
    std::optional<points::Step> said;
    for (const coap::Option option : request.options) {
        if (option.number != OptionNumber::uri_query || !option.as_text().starts_with("step="))
            continue;
        said = points::step_from_text(option.as_text().substr(5));
        if (!said) return std::unexpected(coap::response_of(Code::bad_request, "no such step"));
    }
    if (!command && said == points::Step::cancel) command = JsonCommand();
    if (!command) return std::unexpected(coap::response_of(Code::bad_request, "format_error"));
    if (said) command->step = *said;
    return *std::move(command);
}

coap::Link link_to(const coap::Resource& resource) {
    coap::Link link{.target = encoded(resource.path), .attributes = {}};
    link.attributes.push_back({"rt", resource.type});
    link.attributes.push_back({"if", resource.interface});
    link.attributes.push_back({"obs", std::nullopt});
    return link;
}

}  // namespace

PointsCoapFace::PointsCoapFace(PointsCoapFacePlan plan, PointHub& hub, CoapService& coap,
                               PointsCoap::Stats& stats)
    : plan_(std::move(plan)), hub_(hub), coap_(coap), stats_(stats) {}

bool PointsCoapFace::shows(points::PointId point) const {
    return std::to_underlying(point) < is_shown_.size() && is_shown_[std::to_underlying(point)];
}

std::string PointsCoapFace::path_of(points::PointId point) const {
    return plan_.path + '/' + hub_.table().path(point);
}

void PointsCoapFace::start() {
    const std::weak_ptr<const char> life = alive_;
    requester_ = hub_.add_requester([this, life](const points::Table::Completed& over) {
        if (!life.expired()) completed(over);
    });
    subscriber_ = hub_.add_subscriber({}, [this, life] {
        if (!life.expired()) carry();
    });
    points::Table& table = hub_.table();
    is_shown_.resize(table.size());
    observed_.resize(table.size());
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        const points::PointId point{i};
        if (!plan_.devices.empty() &&
            std::ranges::find(plan_.devices, table.definition(point).device) == plan_.devices.end())
            continue;
        is_shown_[i] = true;
        shown_.push_back(point);
        table.watch(subscriber_, point);
    }
    coap_.within().add(
        {plan_.path, [this, life](CoapWithin::Asker asker, coap::RequestArrived&& request) {
             if (!life.expired()) asked(asker, std::move(request));
         }});
    describe();
}

// ---- discovery ----------------------------------------------------------------------------------

coap::Resource PointsCoapFace::resource_of(points::PointId point) const {
    const points::Definition& definition = hub_.table().definition(point);
    return {.path = path_of(point),
            .observable = true,
            .type = "point",
            // A sensor or an actuator, as constrained devices call them.
            .interface = definition.writable && plan_.commands ? "core.a" : "core.s",
            .formats = {ContentFormat::text_plain, ContentFormat::json, ContentFormat::senml_json,
                        ContentFormat::senml_cbor}};
}

void PointsCoapFace::describe() {
    coap_.describe({.path = plan_.path,
                    .type = "points",
                    .formats = {ContentFormat::link_format, ContentFormat::senml_json,
                                ContentFormat::senml_cbor}});
    if (shown_.size() > plan_.discoverable_max) return;
    for (const points::PointId point : shown_) {
        coap::Resource resource = resource_of(point);
        resource.path = encoded(resource.path);
        coap_.describe(std::move(resource));
    }
}

// ---- reading ------------------------------------------------------------------------------------

void PointsCoapFace::asked(CoapWithin::Asker asker, coap::RequestArrived&& request) {
    ++stats_.requests;
    const auto answer = [&](Response response) {
        coap_.within().answer(asker, std::move(response));
    };
    const std::string path = request.options.path();
    const std::string_view below = path.size() > plan_.path.size()
                                       ? std::string_view(path).substr(plan_.path.size() + 1)
                                       : std::string_view();
    const auto point = hub_.table().find(below);
    if (point && shows(*point)) {
        if (request.method == Code::get) return answer(content(*point, request));
        if (request.method == Code::put && plan_.commands) return put(*point, asker, request);
        return answer(coap::response_of(Code::method_not_allowed));
    }
    std::vector<points::PointId> of = below.empty() ? shown_ : hub_.table().points_of(below);
    std::erase_if(of, [&](points::PointId one) { return !shows(one); });
    if (of.empty() && !below.empty()) return answer(coap::response_of(Code::not_found));
    if (request.method != Code::get) return answer(coap::response_of(Code::method_not_allowed));
    answer(collection(of, request));
}

Response PointsCoapFace::collection(const std::vector<points::PointId>& of,
                                    const coap::RequestArrived& request) const {
    const ContentFormat format = format_asked(request).value_or(ContentFormat::link_format);
    if (format == ContentFormat::link_format) {
        std::string document;
        for (const points::PointId point : of) {
            const coap::Link link = link_to(resource_of(point));
            const bool wanted = std::ranges::all_of(request.options, [&](const coap::Option& one) {
                return one.number != OptionNumber::uri_query || link.matches(one.as_text());
            });
            if (wanted) coap::append_to(document, link);
        }
        return coap::content_of(format, document);
    }
    if (format != ContentFormat::senml_json && format != ContentFormat::senml_cbor)
        return coap::response_of(Code::not_acceptable);
    std::vector<SenmlRecord> pack;
    for (const points::PointId point : of)
        if (auto record = senml_of(hub_.table(), point)) pack.push_back(*std::move(record));
    Response response = format == ContentFormat::senml_json
                            ? coap::content_of(format, senml_to_json(pack))
                            : coap::content_of(format, senml_to_cbor(pack));
    response.options.set_uint(OptionNumber::max_age, value_max_age);
    return response;
}

Response PointsCoapFace::content(points::PointId point, const coap::RequestArrived& request) {
    const points::Definition& definition = hub_.table().definition(point);
    const points::Sample& last = hub_.table().last(point);
    if (request.observe) observed_[std::to_underlying(point)] = true;
    const ContentFormat format = format_asked(request).value_or(ContentFormat::text_plain);
    Response response;
    if (format == ContentFormat::json) {
        response = coap::content_of(format, json_of(definition, last));
    } else if (format == ContentFormat::text_plain) {
        response = coap::content_of(format, points::text_of(definition, last.value));
    } else if (format == ContentFormat::senml_json || format == ContentFormat::senml_cbor) {
        // A point whose value no pack can say is an empty one.
        std::vector<SenmlRecord> pack;
        if (auto record = senml_of(hub_.table(), point)) pack.push_back(*std::move(record));
        response = format == ContentFormat::senml_json
                       ? coap::content_of(format, senml_to_json(pack))
                       : coap::content_of(format, senml_to_cbor(pack));
    } else {
        return coap::response_of(Code::not_acceptable);
    }
    // Who observes may stay for the first value; but a lone value would pass for one.
    const bool observes = request.observe || request.notification;
    if (last.quality.has(points::Flag::never_known) && format == ContentFormat::text_plain) {
        if (!observes) return coap::response_of(Code::service_unavailable, "never_known");
        response.payload.clear();
    }
    // A notification is good until the next; a lone response only while nothing happens.
    if (!observes) response.options.set_uint(OptionNumber::max_age, value_max_age);
    response.observe = true;
    return response;
}

void PointsCoapFace::carry() {
    while (const auto change = hub_.table().take(subscriber_))
        if (observed_[std::to_underlying(change->point)])
            coap_.within().changed(path_of(change->point));
}

// ---- commands -----------------------------------------------------------------------------------

void PointsCoapFace::put(points::PointId point, CoapWithin::Asker asker,
                         const coap::RequestArrived& request) {
    const points::Definition& definition = hub_.table().definition(point);
    const auto refuse = [&](Code code, std::string_view why) {
        coap_.within().answer(asker, coap::response_of(code, why));
    };
    if (precondition_fails(request.options)) return refuse(Code::precondition_failed, {});
    if (askers_.size() >= askers_max) return refuse(Code::service_unavailable, "too_many");
    auto command = command_in(definition, request);
    if (!command) return coap_.within().answer(asker, std::move(command.error()));
    const std::uint64_t tag = ++last_tag_;
    askers_.emplace(tag, asker);
    ++stats_.commands;
    ++stats_.under_way;
    hub_.command({.point = point,
                  .step = command->step,
                  .value = std::move(command->value),
                  .pulse = command->pulse,
                  .requester = requester_,
                  .session = session_of(request.peer),
                  .tag = tag});
}

void PointsCoapFace::completed(const points::Table::Completed& completed) {
    const auto node = askers_.extract(completed.command.tag);
    if (!node) return;
    --stats_.under_way;
    ++stats_.completed;
    const auto [outcome, detail] = completed.answer;
    std::string diagnostic;
    if (outcome != Outcome::success) {
        diagnostic = points::name_of(outcome);
        if (detail != 0) diagnostic += ' ' + std::to_string(detail);
    }
    coap_.within().answer(node.mapped(), coap::response_of(code_of(outcome), diagnostic));
}

}  // namespace causeway::site
