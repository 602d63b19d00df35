#include "site/mqtt_notes.hpp"

#include <fmt/format.h>

namespace causeway::site {
namespace {

std::string_view word_for(mqtt::Note::Kind kind) {
    using Kind = mqtt::Note::Kind;
    switch (kind) {
        case Kind::connected:
            return "connected";
        case Kind::disconnected:
            return "disconnected";
        case Kind::refused:
            return "refused";
        case Kind::taken_over:
            return "taken over";
        case Kind::expired:
            return "session expired";
        case Kind::dropping:
            return "messages for it are dropped";
        case Kind::stalled:
            return "reads nothing";
        case Kind::journal_failing:
            return "nothing can be stored: what needs it is refused";
        case Kind::journal_well:
            return "storing goes on";
        case Kind::kicked:
            return "sent away";
    }
    return "?";
}

}  // namespace

std::string printable(std::string_view text) {
    constexpr std::size_t octets_max = 64;
    std::string line(text.substr(0, octets_max));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    }
    return text.size() > octets_max ? line + "..." : line;
}

std::string to_line(const mqtt::Note& note) {
    std::string line = "mqtt: ";
    if (!note.client_id.empty()) line += printable(note.client_id) + ' ';
    if (!note.peer.empty()) line += '(' + printable(note.peer) + ") ";
    line += word_for(note.kind);
    if (note.reason != mqtt::Reason::success) line += fmt::format(": {}", name_of(note.reason));
    if (!note.what.empty() && note.what != name_of(note.reason))
        line += fmt::format(" ({})", note.what);
    return line;
}

}  // namespace causeway::site
