#pragma once
// Between HTTP and CoAP, message by message and both ways: URIs, methods, response codes, media
// types, entity-tags, freshness and preconditions. [RFC 7252 §10; RFC 8075; RFC 8768 §5]
// Nothing is sent here: http_gateway.hpp answers HTTP requests with it, proxy.hpp fetches over
// HTTP.
//
// Left out: transcoding of payloads and of content codings, weak entity-tags, HTTP redirections
// (5.02), several ranges of one media type with different parameters.
#include "coap/content_format.hpp"
#include "coap/events.hpp"
#include "coap/uri.hpp"

#include <string>
#include <utility>
#include <vector>

namespace causeway::coap {

using HttpHeader = std::pair<std::string, std::string>;
using HttpHeaders = std::vector<HttpHeader>;

/// Whatever the case of its letters; the first of that name.
[[nodiscard]] const std::string* find_header(const HttpHeaders& headers, std::string_view name);
/// Every value of that name, as if they were one line. [RFC 9110 §5.3]
[[nodiscard]] std::string joined_header(const HttpHeaders& headers, std::string_view name);

struct HttpMapping {
    /// The path of the HC Proxy URI. [RFC 8075 §5.1]
    std::string base = "/hc/";
    /// What is appended to it, see UriTemplate; {+tu} is the default mapping. [RFC 8075 §5.3]
    std::string hct = "{+tu}";
    /// What a target without a scheme means; none: it is refused. [RFC 8075 §5.3.1]
    std::optional<Transport> scheme_omitted;
    /// Paths outside `base` are the proxy's own resources and its reverse rules'. [RFC 8075 §5.2]
    bool null_mapping = true;
    /// Media types that CoAP has no number for are generalized. [RFC 8075 §6.3]
    bool loose = true;
    /// application/coap-payload;cf=N may come in requests. [RFC 8075 §6.2]
    bool pass_unknown_formats = false;
    /// coaps may be asked for over plain http. [RFC 8075 §10.3]
    bool secure_over_plain = false;
    /// What this proxy calls itself in Via. No blanks.
    std::string name = "causeway";
};

// ---- URIs --------------------------------------------------------------------------------------

/// How a target is written into the part of an HTTP URI that follows HttpMapping::base: literal
/// text and the variables tu, or s, hp, p, q and qq, each as {+x} (copied), {x} (percent-encoded)
/// or {?x,y} (form-style: "?x=..&y=.."). [RFC 8075 §5.4; RFC 6570 §3.2]
class UriTemplate {
public:
    /// nullopt: no template, an unknown variable, one that is there twice, or q beside qq.
    static std::optional<UriTemplate> parse(std::string_view text);

    /// The target's URI as it stands in `rest`; it may lack its scheme. nullopt: it does not fit.
    [[nodiscard]] std::optional<std::string> match(std::string_view rest) const;
    /// What follows the base in the HTTP URI of `uri`.
    [[nodiscard]] std::string expand(const Uri& uri) const;

private:
    enum class Variable : std::uint8_t { none, tu, s, hp, p, q, qq };
    struct Piece {
        std::string literal;  // where there is no variable
        Variable variable = Variable::none;
        bool encoded = false;  // {x}: percent-encoded throughout
    };
    static Variable variable_of(std::string_view name) noexcept;
    [[nodiscard]] bool add(std::string_view name, bool encoded);

    std::vector<Piece> pieces_;
};

/// An http or https URI; kept as it was written, since decoding would lose differences that its
/// server may care about.
struct HttpUrl {
    bool secure = false;
    std::string host;  // lower case; an IPv6 literal without its brackets
    std::uint16_t port = 80;
    std::string target = "/";  // path and query

    /// nullopt for another scheme, user information, or no host.
    static std::optional<HttpUrl> from_text(std::string_view text);
    /// From the Uri-* options of a request with Proxy-Scheme "http" or "https".
    static std::optional<HttpUrl> from_options(const Options& options, bool secure);
    /// "[::1]:8080": what the Host header says.
    [[nodiscard]] std::string authority() const;
    [[nodiscard]] std::string to_text() const;

    friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

// ---- media types [RFC 8075 §6] -----------------------------------------------------------------

/// Of a Content-Type: nullopt where CoAP has no number for it, or its charset is not UTF-8.
[[nodiscard]] std::optional<ContentFormat> content_format_of(std::string_view media_type,
                                                             const HttpMapping& mapping);
/// "application/senml+json"; "application/coap-payload;cf=N" for a number without a name.
[[nodiscard]] std::string media_type_of(ContentFormat format);
/// Whether its representations are text in UTF-8.
[[nodiscard]] bool is_text(ContentFormat format) noexcept;

/// At most this many formats of an Accept header are tried in turn.
inline constexpr std::size_t accepts_max = 4;
/// What an Accept header asks for, most wanted first; no format means any. Empty: nothing of it can
/// be said in CoAP.
[[nodiscard]] std::vector<std::optional<ContentFormat>> accepts_of(std::string_view accept,
                                                                   const HttpMapping& mapping);

// ---- codes -------------------------------------------------------------------------------------

/// nullopt for a method that CoAP lacks: 501. [RFC 7252 §10.2.1]
[[nodiscard]] std::optional<Code> method_of(std::string_view http_method) noexcept;
/// `client_blamed`: a 4.02 is about an option that came of a header. [RFC 8075 §7]
[[nodiscard]] unsigned status_of(Code code, bool has_payload, bool client_blamed) noexcept;
/// Of an HTTP response to `method`. [RFC 7252 §10.1]
[[nodiscard]] Code code_of(unsigned status, Code method) noexcept;

// ---- entity-tags: octets here, a quoted text there ---------------------------------------------

/// "\"8a1f\"": in hexadecimal, so that any octets will do.
[[nodiscard]] std::string http_tag_of(Bytes tag);
/// The tag of ours that http_tag_of() wrote; nullopt for any other, and for a weak one.
[[nodiscard]] std::optional<Octets> tag_of_ours(std::string_view http_tag);
/// For a tag that some HTTP server made: 8 octets that stand for it. nullopt for a weak one.
[[nodiscard]] std::optional<Octets> tag_for_theirs(std::string_view http_tag);

// ---- whole messages: HTTP in front -------------------------------------------------------------

/// What cannot be asked of CoAP, and what to say to it.
struct HttpRefusal {
    unsigned status = 400;
    std::string why;
};

/// A request for CoAP, but for its message layer.
struct Question {
    Code method = Code::get;
    Options options{};  // with Proxy-Uri, or with Uri-Path and Uri-Query
    Octets payload{};
    bool observe = false;        // text/event-stream is wanted
    bool bypass_cache = false;   // no-cache [RFC 9111 §5.2.1]
    bool client_blamed = false;  // for a 4.02: a header became a critical option
    /// What Accept has to say, in turn until it is no 4.06. [RFC 8075 §6.1]
    std::vector<std::optional<ContentFormat>> accepts{};
};

struct HttpParts {
    std::string_view method;  // "GET"
    std::string_view target;  // as it stood: "/hc/coap://[fd00::1]/a?b", or "coap://[fd00::1]/a?b"
    const HttpHeaders& headers;
    std::string_view body;
    bool secure = false;  // over TLS
};

/// `hct` is what HttpMapping::hct says.
[[nodiscard]] std::expected<Question, HttpRefusal> question_of(const HttpParts& request,
                                                               const HttpMapping& mapping,
                                                               const UriTemplate& hct);

struct HttpAnswer {
    unsigned status = 200;
    std::string reason{};   // empty: what belongs to the status
    HttpHeaders headers{};  // Content-Type among them
    std::string body{};
};

/// `target` is what was asked for, where it was a whole URI: a Location is relative to it.
[[nodiscard]] HttpAnswer answer_of(const Response& response, const Question& question,
                                   const HttpMapping& mapping, const UriTemplate& hct);

/// One notification for a client of text/event-stream: text as it is, octets in base64 with the
/// event's type "base64"; an error ends it, with the type "gone".
[[nodiscard]] std::string event_of(const Response& response, std::uint64_t number);

/// What a client finds at /.well-known/core. `origin` is an anchor for those who ask over CoAP:
/// "https://p.example.com", or empty. [RFC 8075 §5.5]
[[nodiscard]] std::string hc_link(const HttpMapping& mapping, std::string_view origin = {});

// ---- whole messages: HTTP at the back ----------------------------------------------------------

/// To be done by an HTTP client, and answered by HttpFetched or HttpFailed.
struct HttpFetch {
    RequestId id{};
    std::string method;
    HttpUrl url;
    HttpHeaders headers;  // all but Host and Content-Length
    std::string body;
};
/// Its answer is not wanted any more.
struct HttpCancel {
    RequestId id{};
};
struct HttpFetched {
    RequestId id{};
    unsigned status = 200;
    HttpHeaders headers{};
    std::string body{};
};
enum class HttpFailure : std::uint8_t {
    unreachable,
    timeout,
    bad_response,  // malformed, or larger than allowed
    busy,          // too many at once
};
struct HttpFailed {
    RequestId id{};
    HttpFailure reason = HttpFailure::unreachable;
};

/// What goes to the HTTP server; `known_tag` is what it called the representation that the options'
/// ETag stands for, if that is known. An error code says why it cannot be asked.
[[nodiscard]] std::expected<HttpFetch, Code> fetch_of(Code method, const HttpUrl& url,
                                                      const Options& options, Bytes payload,
                                                      std::string_view known_tag,
                                                      const HttpMapping& mapping);
/// And back. [RFC 7252 §10.1]
[[nodiscard]] Response response_of(const HttpFetched& fetched, Code method,
                                   const HttpMapping& mapping);

}  // namespace causeway::coap
