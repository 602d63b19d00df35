#include "coap/code.hpp"

namespace causeway::coap {

std::string_view name_of(Code code) noexcept {
    switch (code) {
        case Code::empty:
            return "Empty";
        case Code::get:
            return "GET";
        case Code::post:
            return "POST";
        case Code::put:
            return "PUT";
        case Code::delete_:
            return "DELETE";
        case Code::fetch:
            return "FETCH";
        case Code::patch:
            return "PATCH";
        case Code::ipatch:
            return "iPATCH";
        case Code::created:
            return "Created";
        case Code::deleted:
            return "Deleted";
        case Code::valid:
            return "Valid";
        case Code::changed:
            return "Changed";
        case Code::content:
            return "Content";
        case Code::continue_:
            return "Continue";
        case Code::bad_request:
            return "Bad Request";
        case Code::unauthorized:
            return "Unauthorized";
        case Code::bad_option:
            return "Bad Option";
        case Code::forbidden:
            return "Forbidden";
        case Code::not_found:
            return "Not Found";
        case Code::method_not_allowed:
            return "Method Not Allowed";
        case Code::not_acceptable:
            return "Not Acceptable";
        case Code::request_entity_incomplete:
            return "Request Entity Incomplete";
        case Code::conflict:
            return "Conflict";
        case Code::precondition_failed:
            return "Precondition Failed";
        case Code::request_entity_too_large:
            return "Request Entity Too Large";
        case Code::unsupported_content_format:
            return "Unsupported Content-Format";
        case Code::unprocessable_entity:
            return "Unprocessable Entity";
        case Code::too_many_requests:
            return "Too Many Requests";
        case Code::internal_server_error:
            return "Internal Server Error";
        case Code::not_implemented:
            return "Not Implemented";
        case Code::bad_gateway:
            return "Bad Gateway";
        case Code::service_unavailable:
            return "Service Unavailable";
        case Code::gateway_timeout:
            return "Gateway Timeout";
        case Code::proxying_not_supported:
            return "Proxying Not Supported";
        case Code::hop_limit_reached:
            return "Hop Limit Reached";
        case Code::csm:
            return "CSM";
        case Code::ping:
            return "Ping";
        case Code::pong:
            return "Pong";
        case Code::release:
            return "Release";
        case Code::abort:
            return "Abort";
    }
    return {};
}

std::string to_text(Code code) {
    const unsigned detail = detail_of(code);
    std::string text{static_cast<char>('0' + class_of(code)), '.',
                     static_cast<char>('0' + detail / 10), static_cast<char>('0' + detail % 10)};
    if (const std::string_view name = name_of(code); !name.empty()) {
        text += ' ';
        text += name;
    }
    return text;
}

}  // namespace causeway::coap
