#include "site/points_coap_driver.hpp"

#include "site/points_senml.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include <algorithm>

namespace causeway::site {
namespace {

using coap::Code;
using coap::ContentFormat;
using points::Flag;
using points::Outcome;

/// Between the first requests of many, so that a gateway does not begin with a burst.
constexpr Duration stagger = std::chrono::milliseconds(5);

/// Silence of a server that was asked; the message layer tries longer than a value is believed.
constexpr Duration answer_within = std::chrono::seconds(10);

coap::Uri resource_at(const coap::Uri& server, std::string_view path) {
    coap::Uri uri = server;
    const auto whole = coap::Uri::from_text("coap://host" + std::string(path));
    if (!whole) return uri;
    uri.path = whole->path;
    uri.query = whole->query;
    return uri;
}

/// As the server has it: a number that will be scaled need not be whole.
points::Definition as_served(const PointsCoapSource& source) {
    points::Definition raw{.device = {}, .name = {}, .kind = source.definition.kind};
    raw.states = source.definition.states;
    if (!source.scaling.plain() && raw.kind == points::Kind::integer) raw.kind = points::Kind::real;
    return raw;
}

/// What a server's answer to a command says of it. [RFC 7252 §5.9]
Outcome outcome_of(Code code) {
    if (coap::is_success(code)) return Outcome::success;
    switch (code) {
        case Code::bad_request:
        case Code::unsupported_content_format:
            return Outcome::format_error;
        case Code::unauthorized:
        case Code::forbidden:
            return Outcome::not_authorized;
        case Code::not_found:
        case Code::method_not_allowed:
            return Outcome::not_supported;
        case Code::unprocessable_entity:
            return Outcome::out_of_range;
        case Code::conflict:
            return Outcome::inhibited;
        case Code::service_unavailable:
        case Code::too_many_requests:
            return Outcome::busy;
        case Code::gateway_timeout:
            return Outcome::unanswered;
        default:
            return Outcome::refused;
    }
}

Outcome outcome_of(coap::Failure failure) {
    switch (failure) {
        case coap::Failure::queue_full:
        case coap::Failure::invalid:
        case coap::Failure::unreachable:
            return Outcome::unreachable;
        default:
            return Outcome::unanswered;
    }
}

}  // namespace

PointsCoapDriver::PointsCoapDriver(net::Io& io, std::vector<PointsCoapDevice> devices,
                                   PointHub& hub, CoapService& coap, PointsCoap::Stats& stats,
                                   CoapService::Log log)
    : hub_(hub),
      coap_(coap),
      stats_(stats),
      log_(std::move(log)),
      devices_(std::move(devices)),
      timer_(io) {
    driver_ = hub_.add_driver([this, life = std::weak_ptr<const char>(alive_)](
                                  points::CommandId id, const points::Command& command) {
        if (!life.expired()) execute(id, command);
    });
    for (const PointsCoapDevice& device : devices_) {
        const auto server = coap::Uri::from_text(device.uri);
        if (!server) log_(fmt::format("points: {}: \"{}\" is no URI", device.name, device.uri));
        for (const PointsCoapSource& source : device.points) {
            points::Definition definition = source.definition;
            definition.driver = driver_;
            const auto point = hub_.table().define(std::move(definition));
            if (!point)
                log_(fmt::format("points: {}/{} is there twice", device.name,
                                 source.definition.name));
            if (!point || !server) continue;
            by_point_.emplace(*point, sources_.size());
            const std::string& write_path =
                source.command_path.empty() ? source.path : source.command_path;
            sources_.push_back({.plan = &source,
                                .device = &device,
                                .point = *point,
                                .read_from = resource_at(*server, source.path),
                                .write_to = resource_at(*server, write_path)});
        }
    }
}

PointsCoapDriver::~PointsCoapDriver() {
    for (const Source& source : sources_)
        if (source.open) coap_.within().cancel(*source.open);
}

void PointsCoapDriver::start() {
    Instant at = hub_.now();
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
        sources_[i].heard_at = at;
        due_.set(i, at);
        at += stagger;
    }
    arm();
}

// ---- reading ------------------------------------------------------------------------------------

Duration PointsCoapDriver::pace_of(const Source& source) {
    const Duration every =
        source.plan->every > Duration{} ? source.plan->every : source.device->every;
    return std::max<Duration>(every, std::chrono::milliseconds(10));
}

void PointsCoapDriver::fetch(std::size_t index) {
    Source& source = sources_[index];
    coap::Request request;
    request.observe = source.plan->observe;
    if (source.plan->format == PointsCoapFormat::senml)
        request.options.add_uint(coap::OptionNumber::accept, std::to_underlying(source.accept));
    ++stats_.fetches;
    source.asked_at = hub_.now();
    due_.set(static_cast<std::uint32_t>(index), after(source.asked_at, pace_of(source)));
    const auto asked = coap_.within().ask(
        source.read_from, std::move(request),
        [this, index, life = std::weak_ptr<const char>(alive_)](const CoapWithin::Heard& told) {
            if (!life.expired()) heard(index, told);
        });
    if (asked) {
        source.open = *asked;
        return;
    }
    ++stats_.failures;
    mark(source, Flag::comm_lost);
}

void PointsCoapDriver::heard(std::size_t index, const CoapWithin::Heard& heard) {
    Source& source = sources_[index];
    const auto* arrived = std::get_if<coap::ResponseArrived>(&heard);
    if (arrived == nullptr || !arrived->more_to_come) {
        source.open.reset();
        // A poll comes a pace after the one before it, and never sooner than that was answered.
        due_.set(static_cast<std::uint32_t>(index),
                 std::max(after(source.asked_at, pace_of(source)), hub_.now()));
        arm();
    }
    if (arrived != nullptr) return response(source, *arrived);
    ++stats_.failures;
    mark(source, Flag::comm_lost);
}

void PointsCoapDriver::response(Source& source, const coap::ResponseArrived& response) {
    ++stats_.responses;
    source.heard_at = hub_.now();
    if (!coap::is_success(response.code)) {
        ++stats_.failures;
        if (response.code == Code::not_acceptable)
            source.accept = source.accept == ContentFormat::senml_cbor ? ContentFormat::senml_json
                                                                       : ContentFormat::senml_cbor;
        return mark(source, Flag::invalid);
    }
    auto sample = sample_in(source, response);
    if (!sample) {
        ++stats_.unreadable;
        return mark(source, Flag::invalid);
    }
    sample->value = source.plan->scaling.to_point(sample->value);
    hub_.update(source.point, *std::move(sample));
}

std::optional<points::Sample> PointsCoapDriver::sample_in(
    const Source& source, const coap::ResponseArrived& response) const {
    const points::Definition raw = as_served(*source.plan);
    if (source.plan->format == PointsCoapFormat::senml) {
        // No array of CBOR begins as one of JSON does, whatever the Content-Format says.
        const std::string_view text = as_text(response.payload);
        const auto pack =
            text.starts_with('[') ? senml_from_json(text) : senml_from_cbor(response.payload);
        const SenmlRecord* const record = pack ? senml_find(*pack, source.plan->record) : nullptr;
        if (record == nullptr) return std::nullopt;
        return sample_from(raw, *record, hub_.wall_ms());
    }
    if (raw.kind == points::Kind::octets)
        return points::Sample{response.payload, hub_.arrival(), {}};
    auto value = points::value_from_text(raw, as_text(response.payload));
    if (!value) return std::nullopt;
    return points::Sample{*std::move(value), hub_.arrival(), {}};
}

/// The old value stays, and is not believed.
void PointsCoapDriver::mark(const Source& source, Flag flag) {
    points::Sample sample = hub_.table().last(source.point);
    if (sample.quality.has(flag)) return;
    sample.quality.set(flag);
    sample.time = hub_.arrival();
    hub_.update(source.point, std::move(sample));
}

// ---- time ---------------------------------------------------------------------------------------

void PointsCoapDriver::woken(std::size_t index) {
    Source& source = sources_[index];
    const Duration patience = source.plan->stale_after;
    const Instant now = hub_.now();
    if (!source.open) {
        fetch(index);
    } else {
        // It is observed, or still asked: the request goes on as long as the message layer tries.
        due_.set(static_cast<std::uint32_t>(index), after(now, pace_of(source)));
        const bool answered = source.heard_at >= source.asked_at;
        if (!answered && now >= after(source.asked_at, answer_within))
            mark(source, Flag::comm_lost);
    }
    if (patience <= Duration{} || after(source.heard_at, patience) > now) return;
    if (hub_.table().last(source.point).quality.has(Flag::comm_lost)) return;
    ++stats_.stale;
    mark(source, Flag::comm_lost);
}

void PointsCoapDriver::arm() {
    const Instant due = due_.next();
    if (due == never || due >= armed_for_) return;
    armed_for_ = due;
    timer_.expires_after(due - hub_.now());
    timer_.async_wait([this, life = std::weak_ptr<const char>(alive_)](
                          const boost::system::error_code& superseded) {
        if (superseded || life.expired()) return;
        armed_for_ = never;
        const Instant now = hub_.now();
        while (due_.next() <= now) woken(due_.first());
        arm();
    });
}

// ---- commands -----------------------------------------------------------------------------------

void PointsCoapDriver::execute(points::CommandId id, const points::Command& command) {
    const auto found = by_point_.find(command.point);
    // "Trip" and "close" are what the value says; a representation has no place for a pulse.
    const bool pulse = command.pulse && command.pulse->form == points::Pulse::Form::pulse &&
                       command.pulse->way == points::Pulse::Way::unsaid;
    if (found == by_point_.end() || pulse) return hub_.answer(id, {Outcome::not_supported, 0});
    const Source& source = sources_[found->second];
    const PointsCoapSource& plan = *source.plan;
    auto raw = plan.scaling.to_raw(command.value);
    if (raw && plan.definition.kind == points::Kind::integer)
        raw = points::as_kind(*raw, points::Kind::integer);
    if (!raw) return hub_.answer(id, {Outcome::not_supported, 0});
    coap::Request request{.code = Code::put};
    ContentFormat format = ContentFormat::text_plain;
    if (plan.format == PointsCoapFormat::senml) {
        format = ContentFormat::senml_cbor;
        request.payload = senml_to_cbor({{.name = plan.record, .value = *raw}});
    } else if (const auto* octets = std::get_if<Octets>(&*raw)) {
        format = ContentFormat::octet_stream;
        request.payload = *octets;
    } else {
        request.payload = to_octets(as_octets(points::text_of(plan.definition, *raw)));
    }
    request.options.add_uint(coap::OptionNumber::content_format, std::to_underlying(format));
    ++stats_.sent;
    const auto asked = coap_.within().ask(
        source.write_to, std::move(request),
        [this, id, life = std::weak_ptr<const char>(alive_)](const CoapWithin::Heard& told) {
            if (life.expired()) return;
            if (const auto* failed = std::get_if<coap::RequestFailed>(&told))
                return hub_.answer(id, {outcome_of(failed->reason), 0});
            const Code code = std::get<coap::ResponseArrived>(told).code;
            const Outcome outcome = outcome_of(code);
            hub_.answer(
                id, {outcome,
                     outcome == Outcome::success ? 0 : std::uint32_t{std::to_underlying(code)}});
        });
    if (!asked) hub_.answer(id, {Outcome::unreachable, 0});
}

}  // namespace causeway::site
