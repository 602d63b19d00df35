#include "coap/server.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

constexpr std::string_view well_known = ".well-known/core";

std::string_view without_slash(std::string_view path) noexcept {
    if (path.starts_with('/')) path.remove_prefix(1);
    return path;
}

bool may_change(Code method) noexcept {
    return method == Code::put || method == Code::post || method == Code::delete_ ||
           method == Code::patch || method == Code::ipatch;
}

bool names_tag(const Options& request, OptionNumber number, Bytes tag) noexcept {
    for (const Option option : request)
        if (option.number == number && same(option.value, tag)) return true;
    return false;
}

/// "A server can issue a 2.03 Valid response in place of a 2.05 Content response if one of the
/// ETags given is the entity-tag for the current representation." [RFC 7252 §5.10.6.2]
void validate(const RequestArrived& request, Response& response) {
    const auto tag = response.options.find(OptionNumber::etag);
    if (response.code != Code::content || !tag) return;
    if (!names_tag(request.options, OptionNumber::etag, *tag)) return;
    response.code = Code::valid;
    response.options.remove(OptionNumber::content_format);
    response.payload.clear();
}

Link link_of(const Resource& resource) {
    Link link;
    link.target = "/" + std::string(without_slash(resource.path));
    const auto text = [&](const char* name, const std::string& value) {
        if (!value.empty()) link.attributes.push_back({name, value});
    };
    text("rt", resource.type);
    text("if", resource.interface);
    text("title", resource.title);
    std::string formats;
    for (const ContentFormat format : resource.formats) {
        if (!formats.empty()) formats += ' ';
        formats += std::to_string(std::to_underlying(format));
    }
    text("ct", formats);
    if (resource.size) link.attributes.push_back({"sz", std::to_string(*resource.size)});
    for (const LinkAttribute& attribute : resource.attributes) link.attributes.push_back(attribute);
    // "A value MUST NOT be given for the "obs" attribute" [RFC 7641 §6]
    if (resource.observable) link.attributes.push_back({"obs", std::nullopt});
    return link;
}

}  // namespace

// ---- views and answers -------------------------------------------------------------------------

std::optional<ContentFormat> RequestView::content_format() const noexcept {
    return format_in(options, OptionNumber::content_format);
}

std::optional<ContentFormat> RequestView::accept() const noexcept {
    return format_in(options, OptionNumber::accept);
}

std::optional<std::string_view> RequestView::query(std::string_view name) const noexcept {
    for (const Option option : options) {
        if (option.number != OptionNumber::uri_query) continue;
        std::string_view text = option.as_text();
        if (!text.starts_with(name)) continue;
        text.remove_prefix(name.size());
        if (text.empty()) return text;
        if (text.starts_with('=')) return text.substr(1);
    }
    return std::nullopt;
}

Response response_of(Code code, std::string_view diagnostic) {
    Response response;
    response.code = code;
    response.payload = to_octets(as_octets(diagnostic));
    return response;
}

Response content_of(ContentFormat format, Bytes representation) {
    Response response;
    response.options.add_uint(OptionNumber::content_format, std::to_underlying(format));
    response.payload = to_octets(representation);
    return response;
}

Response content_of(ContentFormat format, std::string_view representation) {
    return content_of(format, as_octets(representation));
}

// ---- the registry ------------------------------------------------------------------------------

void Server::add(Resource resource) {
    remove(resource.path);
    resources_.push_back(std::move(resource));
}

bool Server::remove(std::string_view path) {
    return std::erase_if(resources_, [&](const Resource& r) {
               return without_slash(r.path) == without_slash(path);
           }) != 0;
}

const Resource* Server::find(const Options& options) const noexcept {
    for (const Resource& resource : resources_)
        if (options.path_is(resource.path)) return &resource;
    return nullptr;
}

void Server::changed(std::string_view path, bool confirmable) {
    for (ResourceChanged& change : changes_) {
        if (change.path != path) continue;
        change.confirmable |= confirmable;
        return;
    }
    changes_.push_back({std::string(path), confirmable});
}

std::optional<ResourceChanged> Server::poll_changed() {
    if (changes_.empty()) return std::nullopt;
    ResourceChanged change = std::move(changes_.front());
    changes_.erase(changes_.begin());
    return change;
}

// ---- requests ----------------------------------------------------------------------------------

std::optional<Response> Server::handle(const RequestArrived& request) {
    const auto refuse = [&](Code code) -> std::optional<Response> {
        if (request.multicast) return std::nullopt;
        return response_of(code);
    };
    // "An endpoint receiving a request with a Proxy-Uri Option that is unable or unwilling to act
    // as a forward-proxy ... MUST cause the return of a 5.05" [RFC 7252 §5.10.2]
    if (request.options.has(OptionNumber::proxy_uri) ||
        request.options.has(OptionNumber::proxy_scheme))
        return refuse(Code::proxying_not_supported);

    const Resource* resource = find(request.options);
    if (resource == nullptr) {
        if (request.options.path_is(well_known)) return discover(request);
        return refuse(Code::not_found);
    }
    if (!resource->methods.has(request.method)) return refuse(Code::method_not_allowed);
    const RequestView view{request.method,      request.peer,        request.options,
                           request.payload,     request.confirmable, request.multicast,
                           request.notification};
    if (const auto wanted = view.accept();
        wanted && !resource->formats.empty() &&
        std::ranges::find(resource->formats, *wanted) == resource->formats.end())
        return refuse(Code::not_acceptable);
    if (const auto failed = precondition(*resource, view)) return refuse(*failed);

    Response response = resource->handler(view);
    response.observe = resource->observable && is_success(response.code);
    validate(request, response);
    if (resource->observable && may_change(request.method) && is_success(response.code))
        changed(resource->path);
    return response;
}

/// What stands in the way of the request, if anything. [RFC 7252 §5.10.8]
std::optional<Code> Server::precondition(const Resource& resource, const RequestView& view) const {
    const Options& options = view.options;
    const bool if_none_match = options.has(OptionNumber::if_none_match);
    if (!if_none_match && !options.has(OptionNumber::if_match)) return std::nullopt;
    // Whether there is a representation, and which, only the handler knows.
    if (!resource.methods.has(Code::get))
        return if_none_match ? std::optional(Code::precondition_failed) : std::nullopt;
    const Options plain;
    const Response current = resource.handler(
        {Code::get, view.peer, plain, {}, view.confirmable, view.multicast, false});
    const bool exists = is_success(current.code);
    if (if_none_match && exists) return Code::precondition_failed;
    if (!options.has(OptionNumber::if_match)) return std::nullopt;
    const auto tag = current.options.find(OptionNumber::etag);
    const bool matches = exists && (names_tag(options, OptionNumber::if_match, {}) ||
                                    (tag && names_tag(options, OptionNumber::if_match, *tag)));
    return matches ? std::nullopt : std::optional(Code::precondition_failed);
}

// ---- discovery ---------------------------------------------------------------------------------

LinkFormat Server::links() const {
    LinkFormat document;
    for (const Resource& resource : resources_)
        if (!resource.hidden) document.links.push_back(link_of(resource));
    return document;
}

std::optional<Response> Server::discover(const RequestArrived& request) const {
    if (request.method != Code::get) {
        if (request.multicast) return std::nullopt;
        return response_of(Code::method_not_allowed);
    }
    const auto accept = request.options.uint(OptionNumber::accept);
    if (accept && *accept != std::to_underlying(ContentFormat::link_format)) {
        if (request.multicast) return std::nullopt;
        return response_of(Code::not_acceptable);
    }
    LinkFormat document = links();
    for (const Option option : request.options) {
        if (option.number != OptionNumber::uri_query) continue;
        std::erase_if(document.links,
                      [&](const Link& link) { return !link.matches(option.as_text()); });
    }
    // "A multicast request with a query string SHOULD NOT be responded to ... if the filter does
    // not match" [RFC 6690 §4.1]
    if (request.multicast && document.links.empty()) return std::nullopt;
    return content_of(ContentFormat::link_format, to_text(document));
}

}  // namespace causeway::coap
