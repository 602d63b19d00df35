// Every class of mistake, with the exact words: what a user sees is the interface.
#include "site/read.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace causeway::site::read_test {
namespace {

std::filesystem::path repository() {
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// What is said of a file, "" when nothing is.
std::string said(std::string_view text, std::vector<std::string> sets = {}) {
    const auto site = read_text(text, "site.toml", sets);
    return site ? "" : to_text(site.error());
}

TEST(Read, AFileFullOfMistakesIsAnsweredWithAllOfThemInOrder) {
    const auto golden = repository() / "tests/golden/site";
    const auto site = read_text(contents(golden / "mistakes.toml"), "mistakes.toml");
    ASSERT_FALSE(site);
    EXPECT_EQ(to_text(site.error()), contents(golden / "mistakes.txt"));
}

TEST(Read, ASyntaxErrorIsReportedWhereItStands) {
    EXPECT_EQ(said("name = \"a\"\n[mesh\nseed = 1\n"),
              "site.toml:2:6: not TOML: in a table header: expected ']', saw '\\n'\n");
    EXPECT_EQ(said("name = \"a\"\nname = \"b\"\n"),
              "site.toml:2:8: not TOML: in a key-value pair: cannot redefine existing string "
              "'name'\n");
}

TEST(Read, AKeyWithTooManyPartsIsRefusedBeforeTheLibrarySeesIt) {
    std::string deep;
    for (int i = 0; i < 500'000; ++i) deep += "a.";
    EXPECT_EQ(said(deep + "a = 1\n"), "site.toml:1:128: not TOML: a key of more than 64 parts\n");
}

TEST(Read, AFileThatIsTooLargeIsNotRead) {
    EXPECT_EQ(said(std::string((1 << 20) + 1, '#')), "site.toml: is larger than 1048576 octets\n");
}

TEST(Read, AFileThatCannotBeReadIsAMistakeToo) {
    const auto none = read_file("/nonexistent/site.toml");
    ASSERT_FALSE(none);
    EXPECT_EQ(to_text(none.error()),
              "/nonexistent/site.toml: cannot be read: No such file or directory\n");
    const auto folder = read_file(repository() / "docs");
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error()[0].what, "cannot be read: it is a folder");
}

TEST(Read, AnUnknownKeyIsAnsweredWithTheNearestName) {
    EXPECT_EQ(said("[uplink]\ntum = \"x\"\n"),
              "site.toml:2:1: uplink.tum is not a key (did you mean tun?); allowed: enabled, tun, "
              "address\n");
    EXPECT_EQ(said("[upilnk]\n"),
              "site.toml:1:2: upilnk is not a key (did you mean uplink?); allowed: name, state, "
              "mesh, external, uplink, proxy, mqtt, coap, scada, management\n");
    EXPECT_EQ(said("[proxy]\nport = 5683\n"),
              "site.toml:2:1: proxy.port is not a key; allowed: enabled, listen\n");
}

TEST(Read, ColumnsCountCharactersAndNotOctets) {
    EXPECT_EQ(said("\"\xc3\xa9\xc3\xa9\" = 1\n"),
              "site.toml:1:1: \xc3\xa9\xc3\xa9 is not a key; allowed: name, state, mesh, external, "
              "uplink, proxy, mqtt, coap, scada, management\n");
    EXPECT_EQ(said("mesh = { link = \"\xc3\xa9\", seed = -1 }\n"),
              "site.toml:1:17: mesh.link: \"\xc3\xa9\" is none of its words; allowed: \"csma\"\n"
              "site.toml:1:29: mesh.seed: -1 is out of range; allowed: 0 to "
              "9223372036854775807\n");
}

TEST(Read, TablesAndListsOfTablesAreNotMistakenForEachOther) {
    EXPECT_EQ(said("[mesh.nodes]\ncount = 3\n"),
              "site.toml:1:7: mesh.nodes has to be a list of tables; allowed: [[mesh.nodes]], once "
              "for each\n");
    EXPECT_EQ(said("[[mesh]]\nseed = 3\n"),
              "site.toml:1:3: mesh has to be a table; allowed: [mesh]\n");
    EXPECT_EQ(said("mesh = 3\n"), "site.toml:1:1: mesh has to be a table; allowed: [mesh]\n");
}

TEST(Read, MoreTablesThanTheLimitAreRefused) {
    std::string text = "[[mesh.nodes]]\ncount = 1\n";
    for (int i = 0; i < 9; ++i) {
        text += "[[mesh.nodes.sensors]]\nname = \"s" + std::to_string(i) + "\"\n";
    }
    EXPECT_EQ(said(text),
              "site.toml:3:14: [[mesh.nodes.sensors]] stands 9 times; allowed: up to 8\n");
}

TEST(Read, DurationsSayWhatTheyWant) {
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 1\nboot_spread = \"2 days\"\n"),
              "site.toml:3:15: mesh.nodes.boot_spread: \"2 days\" is not a duration; allowed: 0s "
              "to 1d, in us, ms, s, m, h or d\n");
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 1\nboot_spread = \"25h\"\n"),
              "site.toml:3:15: mesh.nodes.boot_spread: \"25h\" is out of range; allowed: 0s to 1d, "
              "in us, ms, s, m, h or d\n");
}

TEST(Read, PrefixesAndAddressesHaveToBeOfUse) {
    EXPECT_EQ(said("mesh.prefix = \"fd00::1/64\"\n"),
              "site.toml:1:15: mesh.prefix: \"fd00::1/64\" is not an IPv6 prefix; allowed: 64 bits "
              "that are not multicast or link-local\n");
    EXPECT_EQ(
        said("mesh.prefix = \"fe80::/64\"\n"),
        "site.toml:1:15: mesh.prefix: \"fe80::/64\" is no prefix for a mesh; allowed: 64 bits "
        "that are not multicast or link-local\n");
    EXPECT_EQ(said("uplink.address = \"10.0.0.1\"\n"),
              "site.toml:1:18: uplink.address: \"10.0.0.1\" is not an IPv6 address; allowed: one "
              "that is not multicast, link-local or loopback\n");
    EXPECT_EQ(said("uplink.address = \"fd00:ca5e::1000\"\n"),
              "site.toml:1:18: uplink.address: fd00:ca5e::1000 is the address of border-router; "
              "allowed: an address that no node has\n");
}

TEST(Read, NumbersThatAreNoneAreOutOfRange) {
    EXPECT_EQ(said("mesh.crystal_ppm = nan\nmesh.channel.capture_db = inf\n"),
              "site.toml:1:20: mesh.crystal_ppm: no number at all; allowed: 0 to 1000 ppm\n"
              "site.toml:2:27: mesh.channel.capture_db: no number at all; allowed: 0 to 60 dB\n");
}

TEST(Read, TwoNodesOfOneNameAreRefused) {
    EXPECT_EQ(said("[[mesh.nodes]]\nnames = [\"pump\", \"valve\", \"pump\"]\n"),
              "site.toml:2:9: mesh.nodes.name: \"pump\" is taken; allowed: a name of its own for "
              "each node\n");
    EXPECT_EQ(said("[[mesh.nodes]]\nnames = [\"border-router\"]\n"),
              "site.toml:2:9: mesh.nodes.name: \"border-router\" is taken; allowed: a name of its "
              "own for each node\n");
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 1\n[[external]]\nname = \"node-1\"\nat = [9, 9]\n"
                   "local = \"127.0.0.1:1\"\nremote = \"127.0.0.1:2\"\n"),
              "site.toml:4:8: external.name: \"node-1\" is taken; allowed: a name of its own for "
              "each node\n");
}

TEST(Read, TwoGroupsInOnePlaceAreReportedOnce) {
    EXPECT_EQ(
        said("[[mesh.nodes]]\ncount = 4\n[[mesh.nodes]]\ncount = 4\n"),
        "site.toml:3:1: mesh.nodes.at: node-5 stands where node-1 stands; allowed: a place of "
        "its own for each node\n");
}

TEST(Read, MoreNodesThanAMeshHoldsAreRefused) {
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 10000\n[[mesh.nodes]]\nat = [0, 9]\ncount = 1\n"),
              "site.toml:5:9: mesh.nodes: 10001 nodes with this group; allowed: up to 10000 in "
              "all\n");
}

TEST(Read, RoutesHaveToSufficeForTheMesh) {
    EXPECT_EQ(said("mesh.rpl.routes_max = 3\n[[mesh.nodes]]\ncount = 4\n"),
              "site.toml:1:23: mesh.rpl.routes_max: 3 routes for 4 nodes; allowed: one for each "
              "node, and more\n");
}

TEST(Read, AFaultHasToHappenToSomebody) {
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 12\n[[mesh.faults]]\nkind = \"node-dies\"\n"
                   "at = \"1m\"\nnode = \"node-13\"\n"),
              "site.toml:6:8: mesh.faults.node: no node is called \"node-13\" (did you mean "
              "node-1?); allowed: border-router, node-1, node-2, node-3, node-4, node-5, node-6, "
              "node-7 ... (13 in all)\n");
    EXPECT_EQ(said("[[mesh.faults]]\nkind = \"link-cut\"\nat = \"1m\"\nnode = \"border-router\"\n"),
              "site.toml:1:1: mesh.faults.other is missing; allowed: 1 to 63 letters, digits, '-', "
              "'_' and '.', a letter or digit first\n");
}

TEST(Read, AFaultTakesOnlyTheKeysOfItsKind) {
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 2\n[[mesh.faults]]\nkind = \"node-dies\"\n"
                   "at = \"1m\"\nnode = \"node-1\"\nother = \"node-2\"\nlasts = \"1m\"\n"),
              "site.toml:7:9: mesh.faults.other: node-dies has no far end; allowed: other with "
              "link-cut only\n"
              "site.toml:8:9: mesh.faults.lasts: a node that dies stays dead; allowed: lasts with "
              "link-cut and node-reboots only\n");
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = 2\n[[mesh.faults]]\nkind = \"link-cut\"\n"
                   "at = \"1m\"\nnode = \"node-1\"\nother = \"node-1\"\n"),
              "site.toml:7:9: mesh.faults.other: node-1 has no link to itself; allowed: another "
              "node\n");
}

TEST(Read, PortsOfOneFileDoNotClash) {
    const std::string external =
        "[[external]]\nname = \"a\"\nat = [9, 9]\nlocal = \"127.0.0.1:5683\"\n"
        "remote = \"127.0.0.1:17755\"\n";
    EXPECT_EQ(said(external),
              "site.toml:4:9: external.local: 127.0.0.1:5683 is taken by proxy.listen; allowed: "
              "another port\n");
    EXPECT_EQ(said(external + "[proxy]\nlisten = \"0.0.0.0:5683\"\n"),
              "site.toml:4:9: external.local: 127.0.0.1:5683 is taken by proxy.listen; allowed: "
              "another port\n");
    EXPECT_EQ(said(external + "[proxy]\nlisten = \"[::1]:5683\"\n"), "");
    EXPECT_EQ(said(external + "[proxy]\nenabled = false\n"), "");
}

TEST(Read, ANodeInAnotherProgramIsNotThisProgram) {
    EXPECT_EQ(said("[[external]]\nname = \"a\"\nat = [9, 9]\nlocal = \"127.0.0.1:17754\"\n"
                   "remote = \"127.0.0.1:17754\"\n"),
              "site.toml:5:10: external.remote: 127.0.0.1:17754 is this site's own, of "
              "external.local; allowed: another port\n");
    EXPECT_EQ(said("[[external]]\nname = \"a\"\nat = [9, 9]\nlocal = \"127.0.0.1:17754\"\n"
                   "remote = \"[::1]:17755\"\n"),
              "site.toml:5:10: external.remote: [::1]:17755 cannot be reached from "
              "127.0.0.1:17754; allowed: both IPv4, or both IPv6\n");
}

TEST(Read, ALayoutRefusesWhatItHasNoUseFor) {
    EXPECT_EQ(said("[[mesh.nodes]]\nlayout = \"line\"\ncount = 2\ncolumns = 2\n"),
              "site.toml:4:11: mesh.nodes.columns: means nothing to layout \"line\"; allowed: "
              "columns with layout grid\n");
    EXPECT_EQ(said("[[mesh.nodes]]\nlayout = \"positions\"\ncount = 2\n"),
              "site.toml:2:10: mesh.nodes.positions is missing; allowed: [[x, y], ...]\n");
    EXPECT_EQ(said("[[mesh.nodes]]\nlayout = \"disk\"\ncount = 100\nradius = 5\nseparation = 1\n"),
              "site.toml:5:14: mesh.nodes: no room for 100 nodes that far apart in that disk; "
              "allowed: separation up to radius / sqrt(count)\n");
    EXPECT_EQ(said("[[mesh.nodes]]\nlayout = \"patch\"\ncount = 9\nreach = 30\nseparation = 20\n"),
              "site.toml:5:14: mesh.nodes: a patch with too little between separation and reach; "
              "allowed: separation up to half of reach\n");
}

TEST(Read, AMistakeMakesNoOthers) {
    EXPECT_EQ(said("[[mesh.nodes]]\ncount = \"four\"\nnames = [\"a\"]\n[[mesh.faults]]\n"
                   "kind = \"node-dies\"\nat = \"1m\"\nnode = \"node-3\"\n"),
              "site.toml:2:9: mesh.nodes.count has to be a whole number, not a text; allowed: 1 to "
              "10000\n");
}

TEST(Read, TextsFromTheFileAreQuotedWithoutWhatMovesACursor) {
    EXPECT_EQ(said("mesh.link = \"\\u001b[2J\"\n"),
              "site.toml:1:13: mesh.link: \"?[2J\" is none of its words; allowed: \"csma\"\n");
    EXPECT_EQ(said("\"a\\nb\" = 1\n"),
              "site.toml:1:1: a?b is not a key; allowed: name, state, mesh, external, uplink, "
              "proxy, mqtt, coap, scada, management\n");
}

// ---- --set -------------------------------------------------------------------------------------

TEST(Set, AMistakeNamesTheOverride) {
    EXPECT_EQ(said("", {"mesh.seed=foo"}),
              "--set mesh.seed=foo: mesh.seed has to be a whole number, not a text; allowed: 0 to "
              "9223372036854775807\n");
    EXPECT_EQ(
        said("", {"mesh.sed=1"}),
        "--set mesh.sed=1: mesh.sed is not a key (did you mean seed?); allowed: prefix, link, "
        "seed, pan, radio_channel, crystal_ppm, root, nodes, channel, radio, mac, rpl, "
        "faults\n");
    EXPECT_EQ(said("", {"mesh.seed"}),
              "--set mesh.seed: no key and value; allowed: KEY=VALUE, as mesh.seed=7\n");
    EXPECT_EQ(said("", {"mesh=1"}), "--set mesh=1: mesh is a table; allowed: mesh.KEY=VALUE\n");
    EXPECT_EQ(said("", {"mesh.seed.x=1"}),
              "--set mesh.seed.x=1: mesh.seed is not a table; allowed: mesh.seed=VALUE\n");
}

TEST(Set, MistakesComeAfterThoseOfTheFileInTurn) {
    EXPECT_EQ(said("mesh.pan = -1\n", {"mesh.radio_channel=1", "mesh.link=x"}),
              "site.toml:1:12: mesh.pan: -1 is out of range; allowed: 0 to 65534\n"
              "--set mesh.radio_channel=1: mesh.radio_channel: 1 is out of range; allowed: 11 to "
              "26\n"
              "--set mesh.link=x: mesh.link: \"x\" is none of its words; allowed: \"csma\"\n");
}

TEST(Set, MendsAMistakeInTheFile) {
    EXPECT_EQ(said("mesh.pan = -1\n", {"mesh.pan=1"}), "");
    const auto site = read_text("mesh.seed = 1\n", "site.toml",
                                std::vector<std::string>{"mesh.seed=2", "mesh.seed=3"});
    ASSERT_TRUE(site);
    EXPECT_EQ(site->mesh.seed, 3u);
}

TEST(Set, TextsNeedNoQuotesAndMayHaveThem) {
    for (const char* set : {"uplink.tun=mesh0", "uplink.tun=\"mesh0\""}) {
        const auto site = read_text("", "site.toml", std::vector<std::string>{set});
        ASSERT_TRUE(site) << to_text(site.error());
        EXPECT_EQ(site->uplink.tun, "mesh0");
    }
    const auto number = read_text("", "site.toml", std::vector<std::string>{"name=7"});
    ASSERT_TRUE(number);
    EXPECT_EQ(number->name, "7");
}

TEST(Set, ATableThatRepeatsIsNamedWithItsNumberUnlessItIsAlone) {
    const std::string two = "[[mesh.nodes]]\ncount = 2\n[[mesh.nodes]]\nat = [0, 80]\ncount = 2\n";
    const auto site = read_text(two, "site.toml", std::vector<std::string>{"mesh.nodes.1.count=5"});
    ASSERT_TRUE(site) << to_text(site.error());
    EXPECT_EQ(site->mesh.nodes.size(), 8u);
    EXPECT_EQ(said(two, {"mesh.nodes.count=5"}),
              "--set mesh.nodes.count=5: the file has several [[mesh.nodes]]; allowed: "
              "mesh.nodes.N.KEY, N from 0 to 1\n");
    EXPECT_EQ(said(two, {"mesh.nodes.2.count=5"}),
              "--set mesh.nodes.2.count=5: the file has no [[mesh.nodes]] number 2; allowed: "
              "mesh.nodes.N.KEY, N from 0 to 1\n");
    EXPECT_EQ(said("", {"mesh.nodes.count=5"}),
              "--set mesh.nodes.count=5: the file has no [[mesh.nodes]] to change\n");
    const auto one = read_text("[[mesh.nodes]]\ncount = 2\n", "site.toml",
                               std::vector<std::string>{"mesh.nodes.count=5"});
    ASSERT_TRUE(one);
    EXPECT_EQ(one->mesh.nodes.size(), 6u);
}

TEST(Set, AStateFolderIsWhereTheCommandWasGiven) {
    const auto file = read_text("state = \"s\"\n", "sites/a.toml");
    EXPECT_EQ(file->state, "sites/s");
    const auto set = read_text("", "sites/a.toml", std::vector<std::string>{"state=s"});
    EXPECT_EQ(set->state, "s");
}

}  // namespace
}  // namespace causeway::site::read_test
