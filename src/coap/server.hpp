#pragma once
// A dispatcher from requests to resources: no datagrams, no time. It is asked with what an Endpoint
// puts out, and its answers go back as Respond:
//
//   if (auto response = server.handle(arrived)) endpoint.handle(now, Respond{id, *response});
//   else                                        endpoint.handle(now, Decline{id});
//   while (auto changed = server.poll_changed()) endpoint.handle(now, *changed);
//
// It keeps what RFC 7252 asks of any server (unknown paths and methods, Accept, entity-tags,
// preconditions) and describes itself at /.well-known/core [RFC 6690 §4].
#include "coap/content_format.hpp"
#include "coap/events.hpp"
#include "coap/link_format.hpp"

#include <functional>
#include <initializer_list>

namespace causeway::coap {

/// What a handler sees of a request. Valid for the length of the call.
struct RequestView {
    Code method;
    const Peer& peer;
    const Options& options;
    Bytes payload;
    bool confirmable;
    bool multicast;
    bool notification;  // asked on behalf of an observer

    [[nodiscard]] std::optional<ContentFormat> content_format() const noexcept;
    [[nodiscard]] std::optional<ContentFormat> accept() const noexcept;
    /// The value of the query argument "name=value"; empty for a bare "name".
    [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const noexcept;
};

using Handler = std::function<Response(const RequestView&)>;

/// The methods a resource allows, as a set.
class Methods {
public:
    constexpr Methods(std::initializer_list<Code> codes) noexcept {
        for (const Code code : codes) bits_ = static_cast<std::uint8_t>(bits_ | bit(code));
    }
    [[nodiscard]] constexpr bool has(Code code) const noexcept { return (bits_ & bit(code)) != 0; }

private:
    static constexpr std::uint8_t bit(Code code) noexcept {
        const unsigned n = std::to_underlying(code);
        return n >= 1 && n <= 7 ? static_cast<std::uint8_t>(1u << n) : std::uint8_t{0};
    }
    std::uint8_t bits_ = 0;
};

struct Resource {
    std::string path{};  // "/sensors/temperature"
    Methods methods{Code::get};
    Handler handler{};  // for all of them
    bool observable = false;
    bool hidden = false;  // not in /.well-known/core

    // Attributes of the link. [RFC 6690 §3; RFC 7252 §7.2.1]
    std::string type{};       // rt
    std::string interface{};  // if
    std::string title{};
    /// ct. Where any is named, an Accept for another is answered with 4.06 before the handler runs.
    std::vector<ContentFormat> formats{};
    std::optional<std::uint32_t> size{};      // sz, octets
    std::vector<LinkAttribute> attributes{};  // what else there is, "rel" for instance
};

class Server {
public:
    /// Replaces a resource of the same path.
    void add(Resource resource);
    bool remove(std::string_view path);

    /// nullopt: nothing should be said, which only a request to a group may get.
    [[nodiscard]] std::optional<Response> handle(const RequestArrived& request);

    /// The representation of the resource at `path` is another now. Requests that may change a
    /// resource (PUT, POST, DELETE, PATCH, iPATCH), and succeed, say so by themselves.
    void changed(std::string_view path, bool confirmable = false);
    /// One change its observers should hear of.
    [[nodiscard]] std::optional<ResourceChanged> poll_changed();

    [[nodiscard]] LinkFormat links() const;
    [[nodiscard]] std::size_t size() const noexcept { return resources_.size(); }

private:
    [[nodiscard]] const Resource* find(const Options& options) const noexcept;
    [[nodiscard]] std::optional<Response> discover(const RequestArrived& request) const;
    [[nodiscard]] std::optional<Code> precondition(const Resource& resource,
                                                   const RequestView& view) const;

    std::vector<Resource> resources_;
    std::vector<ResourceChanged> changes_;
};

/// A response with nothing but a code, and a diagnostic if one is given.
[[nodiscard]] Response response_of(Code code, std::string_view diagnostic = {});
/// 2.05 with a representation.
[[nodiscard]] Response content_of(ContentFormat format, Bytes representation);
[[nodiscard]] Response content_of(ContentFormat format, std::string_view representation);

}  // namespace causeway::coap
