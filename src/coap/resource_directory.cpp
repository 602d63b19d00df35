#include "coap/resource_directory.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

enum class DirectoryPart : std::uint8_t {
    none,
    directory,
    registration,
    simple,
    resources,
    endpoints
};

struct DirectoryTarget {
    DirectoryPart part = DirectoryPart::none;
    std::string_view number;  // of a registration, as it was written
};

DirectoryTarget target_of(const Options& options) noexcept {
    std::string_view segments[2];
    std::size_t count = 0;
    for (const Option option : options) {
        if (option.number != OptionNumber::uri_path) continue;
        if (count == 2) return {};
        segments[count++] = option.as_text();
    }
    if (count == 0) return {};
    if (segments[0] == "rd")
        return {count == 1 ? DirectoryPart::directory : DirectoryPart::registration, segments[1]};
    if (segments[0] == ".well-known" && segments[1] == "rd") return {DirectoryPart::simple, {}};
    if (segments[0] != "rd-lookup") return {};
    if (segments[1] == "res") return {DirectoryPart::resources, {}};
    if (segments[1] == "ep") return {DirectoryPart::endpoints, {}};
    return {};
}

/// Only as it was given out: no sign, no leading zero. 0: it is none.
std::uint32_t number_in(std::string_view text) noexcept {
    if (text.empty() || text.size() > 10 || text.front() == '0') return 0;
    std::uint64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return 0;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return number <= UINT32_MAX ? static_cast<std::uint32_t>(number) : 0;
}

}  // namespace

ResourceDirectory::ResourceDirectory(Settings settings, Random random)
    : settings_(std::move(settings)), random_(random), hash_(random_.next()) {}

std::vector<Resource> ResourceDirectory::resources() {
    const auto described = [](std::string_view at, Methods methods, const char* type) {
        Resource resource;
        resource.path = at;
        resource.methods = methods;
        resource.handler = [](const RequestView&) { return response_of(Code::not_found); };
        resource.observable = methods.has(Code::get);
        resource.type = type;
        resource.formats = {ContentFormat::link_format};
        return resource;
    };
    return {described(path, {Code::post}, "core.rd"),
            described(endpoints_path, {Code::get}, "core.rd-lookup-ep"),
            described(resources_path, {Code::get}, "core.rd-lookup-res")};
}

// ---- time and changes --------------------------------------------------------------------------

void ResourceDirectory::handle_timeout(Instant now) {
    while (due_.next() <= now) end(now, due_.first());
    for (std::size_t i = fetches_.size(); i-- > 0;) {
        if (fetches_[i].due > now) continue;
        ++stats_.simple_failed;
        end_fetch(i, response_of(Code::gateway_timeout, "/.well-known/core did not answer"));
    }
    if (held_ && quiet_until_ <= now) tell(now);
}

Instant ResourceDirectory::next_deadline() const noexcept {
    Instant next = due_.next();
    for (const Fetch& fetch : fetches_) next = std::min(next, fetch.due);
    return held_ ? std::min(next, quiet_until_) : next;
}

/// A lookup for each observer costs more than a change does: they are told of several at once.
void ResourceDirectory::changed(Instant now) {
    if (now < quiet_until_)
        held_ = true;
    else
        tell(now);
}

void ResourceDirectory::tell(Instant now) {
    held_ = false;
    untold_ = 3;
    quiet_until_ = after(now, settings_.told_every);
}

std::optional<ResourceChanged> ResourceDirectory::poll_changed() {
    if (untold_ == 0) return std::nullopt;
    const bool resources = (untold_ & 1u) != 0;
    untold_ &= resources ? 2u : 0u;
    return ResourceChanged{std::string(resources ? resources_path : endpoints_path), false};
}

// ---- requests ----------------------------------------------------------------------------------

bool ResourceDirectory::owns(const Options& options) noexcept {
    return target_of(options).part != DirectoryPart::none &&
           !options.has(OptionNumber::proxy_uri) && !options.has(OptionNumber::proxy_scheme);
}

Response ResourceDirectory::refuse(std::uint64_t& counter, Code code, std::string_view diagnostic,
                                   std::uint32_t wait_seconds) {
    ++counter;
    Response response = response_of(code, diagnostic);
    if (wait_seconds != 0) response.options.add_uint(OptionNumber::max_age, wait_seconds);
    return response;
}

std::optional<Response> ResourceDirectory::handle(Instant now, const RequestArrived& request,
                                                  std::string_view identity, std::uint32_t front) {
    if (!owns(request.options)) return std::nullopt;
    ++stats_.requests;
    while (due_.next() <= now) end(now, due_.first());  // the host may be late
    const auto silence = [&] {
        out_.push({front, Decline{request.exchange}});
        return std::nullopt;
    };
    if (request.multicast && request.method != Code::get) {
        ++stats_.refused_group;
        return silence();
    }
    auto response = dispatch(now, request, identity, front);
    // "does not match (to avoid a needless response storm)" [RFC 6690 §4.1]
    if (request.multicast && (response->code != Code::content || response->payload.empty()))
        return silence();
    return response;
}

std::optional<Response> ResourceDirectory::dispatch(Instant now, const RequestArrived& request,
                                                    std::string_view identity,
                                                    std::uint32_t front) {
    using enum DirectoryPart;
    const Options& options = request.options;
    const DirectoryTarget target = target_of(options);
    const bool lookup = target.part == resources || target.part == endpoints;
    const bool removal = target.part == registration && request.method == Code::delete_;
    if (request.method != (lookup ? Code::get : Code::post) && !removal)
        return refuse(stats_.refused_method, Code::method_not_allowed, "");
    if (options.has(OptionNumber::if_none_match) || options.has(OptionNumber::if_match))
        return refuse(stats_.refused_precondition, Code::precondition_failed, "");
    constexpr auto link_format = std::to_underlying(ContentFormat::link_format);
    // "other content formats" [RFC 9176 §4.2]; where none is named, it is the one everybody has.
    const bool has_format = options.has(OptionNumber::content_format);
    if (!request.payload.empty() && has_format &&
        options.uint(OptionNumber::content_format) != link_format)
        return refuse(stats_.refused_format, Code::unsupported_content_format, "");
    if (lookup && options.has(OptionNumber::accept) &&
        options.uint(OptionNumber::accept) != link_format)
        return refuse(stats_.refused_format, Code::not_acceptable, "");
    switch (target.part) {
        case directory:
            return register_links(now, request, identity, front);
        case simple:
            return register_simply(now, request, identity, front);
        case registration:
            return operate(now, request, identity, front);
        default:
            return look_up(request, front, target.part == endpoints);
    }
}

std::optional<Response> ResourceDirectory::read_links(Bytes payload, LinkFormat& links) {
    auto read = limited_links(payload);
    if (!read) return refuse(stats_.refused_links, Code::bad_request, read.error());
    links = *std::move(read);
    return std::nullopt;
}

Response ResourceDirectory::register_links(Instant now, const RequestArrived& request,
                                           std::string_view identity, std::uint32_t front) {
    auto parameters = RegistrationParameters::from_options(request.options);
    if (!parameters)
        return refuse(stats_.refused_parameters, Code::bad_request, parameters.error());
    Wanted wanted;
    wanted.parameters = *std::move(parameters);
    wanted.identity = identity;
    wanted.peer = request.peer;
    wanted.front = front;
    if (auto refusal = read_links(request.payload, wanted.links)) return *std::move(refusal);
    std::uint32_t at = nowhere;
    if (auto refusal = store(now, std::move(wanted), at)) return *std::move(refusal);
    // "The Location-Path option ... MUST be included"; "The location MUST NOT have a query"
    // [RFC 9176 §5]
    Response response = response_of(Code::created);
    response.options.add_text(OptionNumber::location_path, path.substr(1));
    response.options.add_text(OptionNumber::location_path, std::to_string(all_[at].number));
    return response;
}

// ---- operations on a registration --------------------------------------------------------------

Response ResourceDirectory::operate(Instant now, const RequestArrived& request,
                                    std::string_view identity, std::uint32_t front) {
    const std::uint32_t at = find(number_in(target_of(request.options).number));
    // "no registration location is returned": there is none. [RFC 9176 §5.1]
    if (at == nowhere || all_[at].simple)
        return refuse(stats_.refused_unknown, Code::not_found, "there is no such registration");
    if (auto refusal = guard(at, identity)) return *std::move(refusal);
    if (request.method == Code::post) return update(now, at, request, front);
    if (all_[at].active) changed(now);
    remove(at);
    ++stats_.deleted;
    return response_of(Code::deleted);
}

Response ResourceDirectory::update(Instant now, std::uint32_t at, const RequestArrived& request,
                                   std::uint32_t front) {
    const auto wrong = [&](std::string_view what) {
        return refuse(stats_.refused_parameters, Code::bad_request, what);
    };
    auto parameters = RegistrationParameters::from_options(request.options);
    if (!parameters) return wrong(parameters.error());
    Registration fresh = all_[at];
    if (parameters->endpoint.value_or(fresh.endpoint) != fresh.endpoint ||
        parameters->sector.value_or(fresh.sector) != fresh.sector)
        return wrong("ep and d cannot be changed");
    // "If the parameter is not set in the request but was set before, the previous base URI value
    // is kept"; else "the source address and source port of the update request are stored"
    // [RFC 9176 §5.3.1]
    if (parameters->base || !fresh.base_given)
        if (auto refusal = set_base(fresh, parameters->base, request.peer, front))
            return *std::move(refusal);
    fresh.lifetime = parameters->lifetime.value_or(fresh.lifetime);
    // "overriding any previously stored endpoint attributes of the same key" [RFC 9176 §5.3.1]
    std::erase_if(fresh.attributes, [&](const LinkAttribute& old) {
        return std::ranges::find(parameters->attributes, old.name, &LinkAttribute::name) !=
               parameters->attributes.end();
    });
    std::ranges::move(parameters->attributes, std::back_inserter(fresh.attributes));
    if (fresh.attributes.size() > RegistrationParameters::attributes_max)
        return wrong("more than 16 parameters");
    // What the standard leaves open, LwM2M clients do: they say their links anew.
    if (!request.payload.empty())
        if (auto refusal = read_links(request.payload, fresh.links)) return *std::move(refusal);
    std::uint32_t place = at;
    if (auto refusal = commit(now, std::move(fresh), place)) return *std::move(refusal);
    ++stats_.updated;
    return response_of(Code::changed);
}

}  // namespace causeway::coap
