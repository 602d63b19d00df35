// The table itself. A preset equals what the engines' own Settings start from; a test holds the two
// together. A key's name is the engine's own field's name wherever there is one.
#include "site/schema.hpp"

#include <array>

namespace causeway::site {
namespace {

/// What holds where a key is not there: a value, or words for people.
struct Absent {
    std::string_view preset;
    std::string_view otherwise = {};
    constexpr Absent(const char* value) : preset(value) {}
    constexpr Absent(std::string_view value, std::string_view words)
        : preset(value), otherwise(words) {}
};
using Text = std::string_view;

constexpr Absent says(Text words) {
    return {{}, words};
}
constexpr Absent required = says("required");

constexpr Key key(Type type, Text path, Absent absent, Text about) {
    return {.path = path,
            .type = type,
            .preset = absent.preset,
            .otherwise = absent.otherwise,
            .about = about};
}
constexpr Key within(Key key, Text least, Text most) {
    key.least = least;
    key.most = most;
    return key;
}
constexpr Key in(Text unit, Key key) {
    key.unit = unit;
    return key;
}
constexpr Key among(Text words, Key key) {
    key.words = words;
    return key;
}

constexpr Key text(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::text, path, absent, about), "1", most);
}
constexpr Key name(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::name, path, absent, about), "1", most);
}
constexpr Key path(Text path, Absent absent, Text about) {
    return key(Type::path, path, absent, about);
}
constexpr Key word(Text path, Absent absent, Text words, Text about) {
    return among(words, key(Type::word, path, absent, about));
}
constexpr Key whole(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::whole, path, absent, about), least, most);
}
constexpr Key code(Text path, Absent absent, Text words, Text about) {
    return among(words, key(Type::whole, path, absent, about));
}
constexpr Key real(Text path, Text unit, Absent absent, Text least, Text most, Text about) {
    return in(unit, within(key(Type::real, path, absent, about), least, most));
}
constexpr Key flag(Text path, Absent absent, Text about) {
    return key(Type::flag, path, absent, about);
}
constexpr Key duration(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::duration, path, absent, about), least, most);
}
constexpr Key prefix(Text path, Absent absent, Text about) {
    return key(Type::prefix, path, absent, about);
}
constexpr Key address(Text path, Absent absent, Text about) {
    return key(Type::address, path, absent, about);
}
constexpr Key endpoint(Text path, Absent absent, Text least_port, Text about) {
    return within(key(Type::endpoint, path, absent, about), least_port, "65535");
}
constexpr Key file(Text path, Absent absent, Text about) {
    return key(Type::file, path, absent, about);
}
constexpr Key listen(Text path, Absent absent, Text about) {
    return key(Type::listen, path, absent, about);
}
constexpr Key listens(Text path, Absent absent, Text about) {
    return key(Type::listens, path, absent, about);
}
constexpr Key host(Text path, Absent absent, Text about) {
    return key(Type::host, path, absent, about);
}
constexpr Key octets(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::octets, path, absent, about), least, most);
}
constexpr Key texts(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::texts, path, absent, about), "1", most);
}
constexpr Key point(Text path, Absent absent, Text about) {
    return in("m", within(key(Type::point, path, absent, about), "-1000000", "1000000"));
}
constexpr Key points(Text path, Absent absent, Text about) {
    return in("m", within(key(Type::points, path, absent, about), "-1000000", "1000000"));
}
constexpr Key names(Text path, Absent absent, Text about) {
    return within(key(Type::names, path, absent, about), "1", "63");
}
constexpr Key fractions(Text path, Absent absent, Text about) {
    return within(key(Type::fractions, path, absent, about), "0", "1");
}

constexpr std::array tables{
    TableRule{.path = "mesh", .about = "the simulated mesh"},
    TableRule{.path = "mesh.root", .about = "the border router"},
    TableRule{.path = "mesh.nodes", .many_max = 256, .about = "a group of nodes alike"},
    TableRule{.path = "mesh.nodes.sensors",
              .many_max = sensors_max,
              .about = "a sensor of every node of the group"},
    TableRule{.path = "mesh.nodes.mqtt_sn", .about = "readings go to an MQTT-SN gateway"},
    TableRule{.path = "mesh.channel", .about = "how radio waves travel"},
    TableRule{.path = "mesh.channel.interference",
              .many_max = 64,
              .about = "a transmitter that is not ours"},
    TableRule{.path = "mesh.radio", .about = "what every radio can do and what it costs"},
    TableRule{.path = "mesh.mac", .about = "unslotted CSMA-CA"},
    TableRule{.path = "mesh.rpl", .about = "routing"},
    TableRule{.path = "mesh.faults", .many_max = 1024, .about = "what goes wrong, and when"},
    TableRule{.path = "external", .many_max = 64, .about = "a node in another program"},
    TableRule{.path = "uplink", .about = "the mesh's way to this host"},
    TableRule{.path = "proxy", .about = "the CoAP forward proxy"},
    TableRule{.path = "mqtt", .about = "the MQTT broker"},
    TableRule{.path = "mqtt.listener", .many_max = 32, .about = "a place where clients connect"},
    TableRule{.path = "mqtt.bridge", .many_max = 32, .about = "a connection to another broker"},
    TableRule{.path = "mqtt.bridge.topic", .many_max = 64, .about = "what crosses the bridge"},
    TableRule{.path = "mqtt.sn", .about = "the MQTT-SN gateway"},
    TableRule{.path = "mqtt.sn.topic", .many_max = 1024, .about = "a topic known in advance"},
    TableRule{.path = "management", .about = "the REST interface and metrics"},
};

constexpr std::array keys{
    name("name", says("the file's name"), "63", "What reports and captures call the site"),
    path("state", "\"./state\"", "Where lives what must survive a restart"),

    prefix("mesh.prefix", "\"fd00:ca5e::/64\"", "The addresses of all nodes begin with it"),
    word("mesh.link", "\"csma\"", "csma",
         "How nodes share the channel: IEEE 802.15.4 unslotted CSMA-CA"),
    whole("mesh.seed", "1", "0", "9223372036854775807", "All chance in the run follows from it"),
    whole("mesh.pan", "0xabcd", "0", "65534", "The IEEE 802.15.4 PAN identifier"),
    whole("mesh.radio_channel", "26", "11", "26", "The channel in the 2.4 GHz band"),
    real("mesh.crystal_ppm", "ppm", "20.0", "0", "1000",
         "A node's clock is fast or slow by up to this"),

    name("mesh.root.name", "\"border-router\"", "63", "What the border router is called"),
    point("mesh.root.at", "[0, 0]", "Where it stands"),

    whole("mesh.nodes.count", says("as many as `names` or `positions`"), "1", "10000",
          "How many nodes; all groups together make no more than 10000"),
    name("mesh.nodes.name", "\"node\"", "57",
         "Nodes are called this, a hyphen, and their number in the mesh"),
    names("mesh.nodes.names", says("made of `name`"), "Or a name for each"),
    whole("mesh.nodes.class", "2", "0", "2",
          "How constrained they are, as RFC 7228 counts: a record, nothing is limited by it"),
    word("mesh.nodes.layout", says("`\"grid\"`, or `\"positions\"` where there are any"),
         "grid line disk patch positions", "How they are placed"),
    point("mesh.nodes.at",
          says("one `spacing` to the right of the border router; for a disk, the border router"),
          "The first node of a grid or line, the middle of a disk"),
    real("mesh.nodes.spacing", "m", "40.0", "0.1", "10000",
         "From one node of a grid or line to the next"),
    whole("mesh.nodes.columns", says("as many as make the grid square"), "1", "10000",
          "Nodes in one row of a grid"),
    real("mesh.nodes.radius", "m", "100.0", "1", "1000000",
         "Of a disk: nodes lie anywhere in it, by `mesh.seed`"),
    real("mesh.nodes.reach", "m", "40.0", "1", "10000",
         "In a patch each node has another, or the border router, at most this far away"),
    real("mesh.nodes.separation", "m", says("up to `1` in a disk, up to `10` in a patch"), "0.1",
         "10000", "No two nodes of a disk or patch are nearer to each other"),
    points("mesh.nodes.positions", says("none"), "Where each node stands"),
    duration("mesh.nodes.boot_spread", "\"5s\"", "0s", "1d",
             "Each is powered up at some instant before this, by `mesh.seed`"),
    flag("mesh.nodes.confirmable", "false",
         "Readings go out as CoAP CON, acknowledged and sent again, instead of NON"),

    name("mesh.nodes.sensors.name", required, "32",
         "The sensor is the CoAP resource /sensors/`name`"),
    text("mesh.nodes.sensors.unit", "\"Cel\"", "16", "The unit's symbol in SenML"),
    duration("mesh.nodes.sensors.every", "\"60s\"", "0s", "30d",
             "A reading is sent so often; 0s: only when asked for"),
    real("mesh.nodes.sensors.mean", "", "20.0", "-1000000000", "1000000000",
         "The day's mean of the simulated value"),
    real("mesh.nodes.sensors.swing", "", "5.0", "0", "1000000000",
         "How far the value goes above and below it in a day"),

    text("mesh.nodes.mqtt_sn.topic_prefix", "\"nodes\"", "200",
         "A reading is published to this, a slash, the node's name, a slash and the sensor's"),
    whole("mesh.nodes.mqtt_sn.qos", "1", "0", "2", "With this quality of service"),
    duration("mesh.nodes.mqtt_sn.keep_alive", "\"10m\"", "1s", "65535s",
             "The gateway hears from the node at least so often"),
    duration("mesh.nodes.mqtt_sn.sleep", "\"0s\"", "0s", "65535s",
             "The node sleeps for so long at a time, and the gateway keeps what comes for it"),
    address("mesh.nodes.mqtt_sn.gateway", says("the border router"), "Where the gateway is"),
    whole("mesh.nodes.mqtt_sn.port", "1884", "1", "65535", "And its UDP port"),

    word("mesh.channel.model", "\"log-distance\"", "log-distance",
         "Loss grows with the logarithm of distance"),
    real("mesh.channel.exponent", "", "3.0", "1", "8", "2 in free space, 3 to 4 among buildings"),
    real("mesh.channel.reference_loss_db", "dB", "40.0", "0", "150", "Loss over the first metre"),
    real("mesh.channel.shadowing_db", "dB", "2.0", "0", "30",
         "Standard deviation of what stands between two nodes"),
    real("mesh.channel.asymmetry_db", "dB", "1.0", "0", "30",
         "Standard deviation between a link's two directions"),
    real("mesh.channel.noise_floor_dbm", "dBm", "-100.0", "-174", "0",
         "Weaker than this nothing is heard"),
    real("mesh.channel.capture_db", "dB", "3.0", "0", "60",
         "Of two frames that overlap, one this much stronger survives"),
    real("mesh.channel.cca_threshold_dbm", "dBm", "-90.0", "-174", "0",
         "From this up a node finds the channel busy"),
    flag("mesh.channel.carrier_sense", "true",
         "A frame that could be received makes the channel busy too, however weak it is"),
    fractions("mesh.channel.loss", "[0.10, 0.30]",
              "Frames lost on a link that is otherwise perfect, drawn for each direction"),

    point("mesh.channel.interference.at", required, "Where it stands"),
    real("mesh.channel.interference.power_dbm", "dBm", "0.0", "-60", "60", "How strongly it sends"),
    duration("mesh.channel.interference.period", "\"100ms\"", "1ms", "1d",
             "It comes on once in each"),
    duration("mesh.channel.interference.busy", "\"1ms\"", "1us", "1d",
             "And stays on for this long, no longer than `period`"),
    duration("mesh.channel.interference.start", "\"0s\"", "0s", "3650d",
             "From this instant of the run"),
    duration("mesh.channel.interference.stop", says("the end of the run"), "0s", "3650d",
             "Until this one"),

    real("mesh.radio.transmit_power_dbm", "dBm", "0.0", "-60", "30", "How strongly nodes send"),
    real("mesh.radio.sensitivity_dbm", "dBm", "-94.0", "-150", "0",
         "The weakest frame that they receive"),
    real("mesh.radio.volts", "V", "3.0", "0.1", "48", "Supply voltage"),
    real("mesh.radio.transmit_milliamperes", "mA", "17.4", "0", "10000",
         "Supply current while sending"),
    real("mesh.radio.receive_milliamperes", "mA", "18.8", "0", "10000",
         "While receiving or listening"),
    real("mesh.radio.off_milliamperes", "mA", "0.001", "0", "10000", "With the radio off"),

    whole("mesh.mac.min_be", "3", "0", "8",
          "macMinBe, the first back-off exponent; not above `max_be`"),
    whole("mesh.mac.max_be", "8", "3", "8", "macMaxBe, the last one"),
    whole("mesh.mac.max_csma_backoffs", "5", "0", "5",
          "macMaxCsmaBackoffs, how often a busy channel is waited for"),
    whole("mesh.mac.max_frame_retries", "7", "0", "7",
          "macMaxFrameRetries, how often a frame without acknowledgement is sent again"),
    whole("mesh.mac.queue_frames_max", "16", "1", "256",
          "Frames that wait to be sent, the one under way included"),
    whole("mesh.mac.neighbours_max", "32", "1", "256", "Neighbours whose link is measured"),

    whole("mesh.rpl.instance", "0", "0", "127", "RPLInstanceID, a global one"),
    word("mesh.rpl.mode", "\"non-storing\"", "non-storing",
         "Who remembers the ways down: the border router alone"),
    word("mesh.rpl.objective", "\"mrhof\"", "mrhof of0",
         "What makes a parent good: few transmissions (RFC 6719), or few hops (RFC 6552)"),
    whole("mesh.rpl.dio_interval_min", "9", "1", "20",
          "Trickle's shortest interval is 2 to this power, in milliseconds"),
    whole("mesh.rpl.dio_interval_doublings", "11", "0", "20",
          "How often that interval doubles while nothing changes"),
    whole("mesh.rpl.dio_redundancy", "10", "0", "255",
          "A node that heard so many others stays silent; 0: never"),
    whole("mesh.rpl.min_hop_rank_increase", "256", "1", "65535",
          "Rank grows by at least this at each hop"),
    whole("mesh.rpl.max_rank_increase", "1792", "0", "65535",
          "A node whose rank has to grow by more leaves the DODAG; 0: no limit"),
    whole("mesh.rpl.lifetime_default", "30", "1", "255", "A route lives for so many units"),
    duration("mesh.rpl.lifetime_unit", "\"60s\"", "1s", "65535s", "Such a unit, in whole seconds"),
    whole("mesh.rpl.path_control_size", "7", "0", "7",
          "Bits of the path control field that are used, less one"),
    flag("mesh.rpl.dao_ack", "true", "Nodes ask for a DAO-ACK"),
    whole("mesh.rpl.parents", "3", "1", "3", "Parents a node keeps, the preferred one included"),
    whole("mesh.rpl.neighbours_max", "24", "1", "256",
          "Candidates for a parent that a node remembers"),
    whole("mesh.rpl.routes_max", says("`4096`, or one a node if that is more"), "1", "65535",
          "Nodes that the border router remembers the way to"),
    code("mesh.rpl.rpi", "0x23", "0x23 0x63",
         "The RPL option's type; 0x63 for peers older than RFC 9008"),

    word("mesh.faults.kind", required, "node-dies node-reboots link-cut", "What goes wrong"),
    duration("mesh.faults.at", required, "0s", "3650d", "When, from the start of the run"),
    name("mesh.faults.node", required, "63", "The node that it happens to"),
    name("mesh.faults.other", says("required by link-cut"), "63",
         "The far end of a link that is cut"),
    duration("mesh.faults.lasts", "\"0s\"", "0s", "3650d",
             "How long a link is cut (0s: for ever) or a node that reboots is without power"),

    name("external.name", required, "63", "What the node is called here"),
    point("external.at", required, "Where its radio is held to stand"),
    endpoint("external.local", required, "1", "Where ZEP datagrams are received"),
    endpoint("external.remote", required, "1", "Where they are sent to"),

    flag("uplink.enabled", "true",
         "Whether to open the TUN interface; needs CAP_NET_ADMIN, and is done without"),
    name("uplink.tun", "\"causeway0\"", "15", "The interface's name"),
    address("uplink.address", says("`mesh.prefix` with 1 behind it"),
            "The host's own address on it"),

    flag("proxy.enabled", "true", "Whether to answer there"),
    endpoint("proxy.listen", "\"127.0.0.1:5683\"", "0",
             "Where programs on this host reach the nodes by CoAP; port 0: any that is free"),

    listens("mqtt.listen", says("`[\"127.0.0.1:1883\"]`, or none where there is a listener"),
            "Where clients connect by plain TCP"),
    flag("mqtt.persistence", "true",
         "What was acknowledged is kept in `state` and survives a crash"),
    flag("mqtt.sync", "true",
         "It survives a power cut too: the disk confirms before a client is answered"),
    file("mqtt.passwords", says("none"),
         "Users and their password hashes, as `causeway mqtt passwd` writes them"),
    file("mqtt.access", says("none: everything is allowed"), "Who may read and write which topics"),
    whole("mqtt.workers", says("one less than the processors it may use"), "0", "64",
          "Threads for sockets, TLS and WebSocket; 0: the broker's own does it all"),
    whole("mqtt.qos_max", "2", "0", "2", "The best quality of service that clients may use"),
    flag("mqtt.retain_available", "true", "Clients may leave retained messages"),
    flag("mqtt.wildcards_available", "true", "Clients may subscribe with wildcards"),
    flag("mqtt.shared_available", "true", "Clients may share a subscription"),
    flag("mqtt.subscription_identifiers_available", "true",
         "Clients may give subscriptions an identifier"),
    duration("mqtt.session_expiry_max", says("no limit"), "0s", "10000d",
             "A session outlives its connection by no more than this"),
    duration("mqtt.keep_alive_max", says("no limit"), "1s", "65534s",
             "A client that is silent for half as long again is gone"),
    octets("mqtt.packet_octets_max", "268435460", "128", "268435460",
           "The largest packet that is taken"),
    whole("mqtt.receive_maximum", "1024", "1", "65535",
          "Unacknowledged QoS 1 and 2 messages a client may have under way to the broker"),
    whole("mqtt.inflight_max", "100", "1", "65535", "The same from the broker to a client"),
    whole("mqtt.topic_alias_maximum", "32", "0", "65535", "Topic aliases a client may use"),
    whole("mqtt.topic_alias_maximum_out", "32", "0", "65535",
          "Topic aliases the broker uses to a client that allows them"),
    whole("mqtt.connections_max", "100000", "1", "10000000", "Clients connected at once"),
    whole("mqtt.connections_unready_max", "10000", "1", "10000000",
          "Connections whose CONNECT is still to come, or to be decided"),
    duration("mqtt.connect_within", "\"10s\"", "100ms", "1h", "How long that may take"),
    whole("mqtt.sessions_max", "200000", "1", "10000000", "Sessions, absent clients' included"),
    whole("mqtt.subscriptions_max", "2000000", "1", "100000000", "Subscriptions of all"),
    whole("mqtt.subscriptions_max_each", "10000", "1", "10000000", "Subscriptions of a client"),
    whole("mqtt.topic_levels_max", "128", "1", "1000", "Levels of a topic"),
    whole("mqtt.retained_max", "1000000", "0", "100000000", "Retained messages"),
    octets("mqtt.retained_octets_max", "\"1GiB\"", "0", "1024GiB", "Their size in memory"),
    whole("mqtt.queue_messages_max", "10000", "1", "100000000",
          "Messages that wait for one client"),
    octets("mqtt.queue_octets_max", "\"64MiB\"", "1KiB", "1024GiB", "Their size in memory"),
    octets("mqtt.queue_octets_max_all", "\"1GiB\"", "1KiB", "1024GiB",
           "The size of what waits for all clients"),
    flag("mqtt.queue_qos_0", "true", "QoS 0 messages wait for a client that is slow"),
    word("mqtt.slow", "\"drop\"", "drop disconnect",
         "What becomes of a client that reads nothing while its queue is full"),
    duration("mqtt.stalled_after", "\"2s\"", "10ms", "1h",
             "When it is held to read nothing; until then its publishers wait for it"),
    whole("mqtt.publishes_per_second_max", "0", "0", "100000000",
          "Publishes taken from one client in a second; 0: no limit"),
    octets("mqtt.octets_per_second_max", "0", "0", "1024GiB",
           "Octets taken from one client in a second; 0: no limit"),
    whole("mqtt.connects_per_second_max", "0", "0", "1000000",
          "Connections accepted in a second, of all clients; 0: no limit"),
    duration("mqtt.sys_interval", "\"10s\"", "0s", "1d", "How often $SYS is published; 0s: never"),
    texts("mqtt.counted_prefixes", says("none"), "1024",
          "Topics that begin with one of these are counted apart in the metrics"),

    name("mqtt.listener.name", says("made of its scheme and port"), "63",
         "What logs and reports call it"),
    listen("mqtt.listener.listen", required, "Where clients connect"),
    flag("mqtt.listener.websocket", "false", "MQTT over WebSocket"),
    flag("mqtt.listener.proxy_protocol", "false",
         "A proxy in front says who connects, by PROXY protocol version 2; others are refused"),
    flag("mqtt.listener.anonymous", says("true on loopback where there are no passwords"),
         "Clients may connect without a user name"),
    file("mqtt.listener.certificate", says("none: no TLS"), "TLS: the certificate chain, PEM"),
    file("mqtt.listener.key", says("required beside a certificate"), "TLS: its private key, PEM"),
    file("mqtt.listener.client_ca", says("none: clients are not asked"),
         "TLS: who signs client certificates; their common name is the user name"),
    flag("mqtt.listener.client_certificate_required", "false",
         "TLS: a client without one is refused"),
    file("mqtt.listener.psk_file", says("none"),
         "TLS: pre-shared keys, identity:hexadecimal, one a line; the identity is the user name"),

    name("mqtt.bridge.name", required, "63", "What the bridge is called"),
    host("mqtt.bridge.remote", required, "The other broker"),
    word("mqtt.bridge.version", "\"5\"", "5 3.1.1", "The MQTT version to speak there"),
    text("mqtt.bridge.client_id", says("`causeway-` and the bridge's name"), "128",
         "Our client identifier there"),
    text("mqtt.bridge.user_name", says("none"), "256", "Our user name there"),
    file("mqtt.bridge.password_file", says("none"), "A file whose first line is our password"),
    duration("mqtt.bridge.keep_alive", "\"60s\"", "5s", "65535s", "Silence is broken so often"),
    flag("mqtt.bridge.tls", "false", "Speak TLS"),
    file("mqtt.bridge.ca_file", says("the system's"), "Who signs the other broker's certificate"),
    file("mqtt.bridge.certificate", says("none"), "Our certificate, PEM"),
    file("mqtt.bridge.key", says("none"), "Its private key, PEM"),

    text("mqtt.bridge.topic.filter", "\"#\"", "1024", "What crosses, without the prefixes"),
    word("mqtt.bridge.topic.direction", "\"out\"", "out in both", "Out is to the other broker"),
    whole("mqtt.bridge.topic.qos", "1", "0", "2", "With at most this quality of service"),
    text("mqtt.bridge.topic.local_prefix", says("none"), "1024", "What topics begin with here"),
    text("mqtt.bridge.topic.remote_prefix", says("none"), "1024", "And there"),

    flag("mqtt.sn.enabled", says("true where there is a `[mqtt.sn]`"), "Whether to answer"),
    endpoint("mqtt.sn.listen", "\"127.0.0.1:1884\"", "0", "Where it is reached by UDP"),
    word("mqtt.sn.mode", "\"transparent\"", "transparent aggregating",
         "A broker connection for each client, or one for all"),
    whole("mqtt.sn.gateway_id", "1", "0", "255", "Its number in ADVERTISE and GWINFO"),
    duration("mqtt.sn.advertise", "\"15m\"", "0s", "65535s",
             "How often it makes itself known; 0s: never"),
    endpoint("mqtt.sn.broadcast", says("none: it is not advertised"), "1",
             "Where ADVERTISE is sent to"),
    whole("mqtt.sn.clients_max", "1000", "1", "65535", "Clients at once"),

    whole("mqtt.sn.topic.id", required, "1", "65535", "The number of a pre-defined topic"),
    text("mqtt.sn.topic.name", required, "1024", "And its name"),

    endpoint("management.listen", says("none: there is no REST interface"), "0",
             "Where it answers by HTTP"),
    file("management.token_file", says("none; required unless on loopback"),
         "A file whose first line every request has to bear as its token"),
};

}  // namespace

std::span<const Key> schema_keys() noexcept {
    return keys;
}
std::span<const TableRule> schema_tables() noexcept {
    return tables;
}

}  // namespace causeway::site
