#include "store/kept_states.hpp"

namespace causeway::store {
namespace {

constexpr std::int64_t states_application_id = 0x63617573;  // "caus"

}  // namespace

Opened<KeptStates> KeptStates::open(const std::string& folder) {
    const std::string path = folder + "/states.db";
    if (auto trouble = make_database_file(folder, path))
        return std::unexpected(*std::move(trouble));
    auto database = Sqlite::open(path);
    if (!database) return std::unexpected(database.error());
    const auto refused = [&](const std::string& why) {
        return std::unexpected(Trouble{path + ": " + why});
    };
    database->execute("PRAGMA locking_mode = EXCLUSIVE");
    const auto owner = database->number("PRAGMA application_id");
    const auto objects = database->number("SELECT count(*) FROM sqlite_schema");
    if (!owner || !objects)
        return database->is_busy() ? refused("another process has it open")
                                   : std::unexpected(database->trouble());
    if (*objects > 0 && *owner != states_application_id)
        return refused("this is a database of some other program");
    if (!database->execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
                           "PRAGMA application_id = " +
                           std::to_string(states_application_id) +
                           ";"
                           "CREATE TABLE IF NOT EXISTS states("
                           "name TEXT PRIMARY KEY NOT NULL, state BLOB NOT NULL) WITHOUT ROWID"))
        return database->is_busy() ? refused("another process has it open")
                                   : std::unexpected(database->trouble());
    sync_folder(folder);
    auto all = database->prepare("SELECT name, state FROM states");
    if (!all) return std::unexpected(all.error());
    std::map<std::string, Octets> states;
    while (all->step()) states[std::string(all->text(0))] = to_octets(all->blob(1));
    if (!all->ok()) return std::unexpected(database->trouble());
    all->reset();
    auto put = database->prepare("REPLACE INTO states VALUES(?, ?)");
    if (!put) return std::unexpected(put.error());
    KeptStates kept(*std::move(database), *std::move(put));
    kept.states_ = std::move(states);
    return kept;
}

const Octets* KeptStates::find(const std::string& name) const {
    const auto found = states_.find(name);
    return found == states_.end() ? nullptr : &found->second;
}

std::optional<Trouble> KeptStates::put(const std::string& name, Bytes state) {
    if (!put_.with(name, state).run()) return database_.trouble();
    states_[name] = to_octets(state);
    return std::nullopt;
}

}  // namespace causeway::store
