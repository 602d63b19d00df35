#pragma once
// The keys of [scada.mqtt] and [scada.coap], the point table and the two brokers of IoT, and of
// [[scada.tunnel]]. Part of the schema's table, see schema_table.cpp.
#include "site/schema_words.hpp"

#include <array>

namespace causeway::site {

inline constexpr auto points_keys = [] {
    using namespace words;
    constexpr Text kinds = "boolean integer real text octets enumeration";
    constexpr Text kind = "What kind of value it is";
    constexpr Absent kind_preset = says("real; with states, enumeration");
    return std::array{
        flag("scada.mqtt.publish", "true", "Points are shown as topics"),
        text("scada.mqtt.prefix", "\"points\"", "255", "What their topics begin with"),
        texts("scada.mqtt.devices", says("all"), "63", "Devices whose points are shown"),
        word("scada.mqtt.format", "\"json\"", "json plain",
             "Value, unit, time and quality as JSON, or the bare value"),
        flag("scada.mqtt.commands", "true", "Commands are taken at `.../set`"),
        flag("scada.mqtt.retain", "true", "Topics keep their last value"),
        whole("scada.mqtt.qos", "1", "0", "2", "Quality of service of what is published"),
        whole("scada.mqtt.queue_max", "100000", "1", "100000000",
              "Changes that wait for a broker that is slow"),

        name("scada.mqtt.device.name", required, "63", "What its points begin with"),
        text("scada.mqtt.device.availability", says("none"), "1024",
             "The topic that says `online` while it is"),

        text("scada.mqtt.device.point.name", required, "127", "The point is `device/name`"),
        text("scada.mqtt.device.point.topic", required, "1024",
             "The topic that feeds it, without wildcards"),
        text("scada.mqtt.device.point.pointer", says("the payload is the value"), "255",
             "Where its value is in a payload of JSON, as in `/temperature`"),
        word("scada.mqtt.device.point.kind", kind_preset, kinds, kind),
        texts("scada.mqtt.device.point.states", says("none"), "64",
              "Names of its numbers, from 0; of a boolean, of false and true"),
        text("scada.mqtt.device.point.unit", says("none"), "32", "SenML's symbol"),
        real("scada.mqtt.device.point.factor", {}, "1", "-1e12", "1e12",
             "Raw numbers are multiplied by it; not 0"),
        real("scada.mqtt.device.point.offset", {}, "0", "-1e15", "1e15", "And this is added"),
        duration("scada.mqtt.device.point.stale_after", "\"0s\"", "0s", "365d",
                 "Silence so long means that it is away; 0s: never"),
        text("scada.mqtt.device.point.command_topic", says("none: it is not writable"), "1024",
             "Where commands of it are published"),
        text("scada.mqtt.device.point.command_payload", says("the value alone"), "1024",
             "What is published there, the value where `{v}` stands"),
        duration("scada.mqtt.device.point.command_timeout", "\"10s\"", "10ms", "1h",
                 "How long the broker may take for it"),
        real("scada.mqtt.device.point.least", {}, says("none"), "-1e15", "1e15",
             "The least that may be commanded"),
        real("scada.mqtt.device.point.most", {}, says("none"), "-1e15", "1e15", "The most"),

        flag("scada.coap.publish", "true", "Points are shown as resources"),
        text("scada.coap.path", "\"/points\"", "255", "What their paths begin with"),
        texts("scada.coap.devices", says("all"), "63", "Devices whose points are shown"),
        flag("scada.coap.commands", "true", "PUT is a command"),
        whole("scada.coap.discoverable_max", "256", "0", "4000",
              "Points with links of their own in /.well-known/core; the path above has all"),

        name("scada.coap.device.name", required, "63", "What its points begin with"),
        text("scada.coap.device.uri", required, "255",
             "Its server, as in `coap://[fd00::1]:5683` or `coap://node-24`"),
        duration("scada.coap.device.every", "\"10s\"", "100ms", "1d",
                 "How often resources are read that cannot be observed, and asked after a failure"),

        text("scada.coap.device.point.name", required, "127", "The point is `device/name`"),
        text("scada.coap.device.point.path", required, "255",
             "Its resource, as in `/sensors/temperature`"),
        word("scada.coap.device.point.format", "\"text\"", "text senml", "How it says its value"),
        text("scada.coap.device.point.record", says("the first with a value"), "255",
             "The SenML record, by the end of its name"),
        word("scada.coap.device.point.kind", kind_preset, kinds, kind),
        texts("scada.coap.device.point.states", says("none"), "64",
              "Names of its numbers, from 0; of a boolean, of false and true"),
        text("scada.coap.device.point.unit", says("none"), "32", "SenML's symbol"),
        real("scada.coap.device.point.factor", {}, "1", "-1e12", "1e12",
             "Raw numbers are multiplied by it; not 0"),
        real("scada.coap.device.point.offset", {}, "0", "-1e15", "1e15", "And this is added"),
        flag("scada.coap.device.point.observe", "true",
             "It is observed where the server offers that; else polled"),
        duration("scada.coap.device.point.every", says("the device's"), "100ms", "1d",
                 "How often it is read"),
        duration("scada.coap.device.point.stale_after", "\"0s\"", "0s", "365d",
                 "Silence so long means that it is away; 0s: only a failed request does"),
        flag("scada.coap.device.point.writable", "false", "It may be commanded, by PUT"),
        text("scada.coap.device.point.command_path", says("`path`"), "255",
             "Where the command is PUT"),
        real("scada.coap.device.point.least", {}, says("none"), "-1e15", "1e15",
             "The least that may be commanded"),
        real("scada.coap.device.point.most", {}, says("none"), "-1e15", "1e15", "The most"),

        name("scada.tunnel.name", required, "63", "What logs call it"),
        name("scada.tunnel.port", required, "63", "The line that has the octets: serial or pty"),
        name("scada.tunnel.network", required, "63",
             "The line that carries them: connect, listen or udp"),
        word("scada.tunnel.protocol", "\"raw\"", "raw rfc2217_server rfc2217_client",
             "Octets as they are; a com port over Telnet that peers may set; or the client of one, "
             "whose pty programs set"),
        word("scada.tunnel.policy", "\"share\"", "share one_writes first_come newest",
             "Who may write when several are connected; the last two have one peer"),
        duration("scada.tunnel.writer_idle", "\"0s\"", "0s", "1d",
                 "one_writes: who was silent so long loses the port to the next; 0s: never"),
        whole("scada.tunnel.packet_octets", "0", "0", "65536",
              "A packet ends when it is so long; 0: no such rule"),
        duration("scada.tunnel.packet_idle", "\"0s\"", "0s", "10s",
                 "... when nothing came for so long; 0s: no such rule"),
        text("scada.tunnel.packet_mark", says("none"), "8",
             "... behind these octets, hexadecimal: `0d0a`"),
        whole("scada.tunnel.packet_after_mark", "0", "0", "16",
              "Octets behind the mark that belong to it, a checksum"),
        flag("scada.tunnel.packet_mark_sent", "true", "The mark is sent, too"),
        duration("scada.tunnel.packet_wait_max", "\"1s\"", "1ms", "1h",
                 "No octet waits longer for its packet"),
        octets("scada.tunnel.keep", "65536", "0", "1048576",
               "What waits while nobody is connected, or the port is away; then the other side is "
               "paused"),
        flag("scada.tunnel.format_restored", "true",
             "What peers set by RFC 2217 is undone when the last one leaves"),
    };
}();

}  // namespace causeway::site
