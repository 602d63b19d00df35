#include "store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace causeway::store {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
    sqlite3_finalize(statement);
}
void Sqlite::Close::operator()(sqlite3* connection) const noexcept {
    sqlite3_close(connection);
}

void Statement::bind(int at, std::int64_t value) {
    ok_ = sqlite3_bind_int64(statement_.get(), at, value) == SQLITE_OK && ok_;
}

void Statement::bind(int at, std::string_view text) {
    const char* const octets = text.empty() ? "" : text.data();
    ok_ = sqlite3_bind_text64(statement_.get(), at, octets, text.size(), SQLITE_STATIC,
                              SQLITE_UTF8) == SQLITE_OK &&
          ok_;
}

void Statement::bind(int at, Bytes blob) {
    // A null pointer would bind NULL.
    const void* const octets = blob.empty() ? static_cast<const void*>("") : blob.data();
    ok_ = sqlite3_bind_blob64(statement_.get(), at, octets, blob.size(), SQLITE_STATIC) ==
              SQLITE_OK &&
          ok_;
}

bool Statement::run() {
    while (step()) {
    }
    const bool well = ok_;
    reset();
    return well;
}

bool Statement::step() {
    if (!ok_) return false;
    const int code = sqlite3_step(statement_.get());
    ok_ = code == SQLITE_ROW || code == SQLITE_DONE;
    return code == SQLITE_ROW;
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
    ok_ = true;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
    return as_text(blob(column));
}

Bytes Statement::blob(int column) const {
    const void* const octets = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    if (octets == nullptr || size <= 0) return {};
    return {static_cast<const std::byte*>(octets), static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Opened<Sqlite> Sqlite::open(const std::string& path) {
    Sqlite database;
    database.path_ = path;
    sqlite3* connection = nullptr;
    // One thread at a time is our promise, so SQLite need not lock for itself.
    const int code = sqlite3_open_v2(path.c_str(), &connection,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    database.connection_.reset(connection);
    if (code != SQLITE_OK) return std::unexpected(database.trouble());
    sqlite3_extended_result_codes(connection, 1);
    return database;
}

bool Sqlite::execute(const std::string& sql) {
    return sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

Opened<Statement> Sqlite::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return std::unexpected(trouble());
    Statement statement;
    statement.statement_.reset(raw);
    return statement;
}

std::optional<std::int64_t> Sqlite::number(const std::string& sql) {
    auto statement = prepare(sql);
    if (!statement || !statement->step()) return std::nullopt;
    return statement->integer(0);
}

void Sqlite::roll_back() {
    // Some errors have rolled back already.
    if (sqlite3_get_autocommit(connection_.get()) == 0) execute("ROLLBACK");
}

void Sqlite::checkpoint() {
    sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
}

bool Sqlite::read_blob(const char* table, const char* column, std::int64_t row, MutableBytes out) {
    sqlite3_blob* blob = nullptr;
    constexpr int read_only = 0;
    if (sqlite3_blob_open(connection_.get(), "main", table, column, row, read_only, &blob) !=
        SQLITE_OK)
        return false;
    const auto size = static_cast<std::size_t>(sqlite3_blob_bytes(blob));
    const bool well = size == out.size() &&
                      sqlite3_blob_read(blob, out.data(), static_cast<int>(size), 0) == SQLITE_OK;
    sqlite3_blob_close(blob);
    return well;
}

Trouble Sqlite::trouble() const {
    std::string line = path_ + ": ";
    line += connection_ ? sqlite3_errmsg(connection_.get()) : "out of memory";
    const int error = connection_ ? sqlite3_system_errno(connection_.get()) : 0;
    const int code = connection_ ? sqlite3_errcode(connection_.get()) : SQLITE_NOMEM;
    if (error != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN))
        line += std::string(" (") + std::strerror(error) + ")";
    return {std::move(line)};
}

bool Sqlite::is_busy() const {
    const int code = sqlite3_errcode(connection_.get()) & 0xff;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

namespace {

Trouble system_trouble(const std::string& what, int error) {
    return {what + ": " + std::strerror(error)};
}

}  // namespace

std::optional<Trouble> make_database_file(const std::string& folder, const std::string& path) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(folder, error);
    if (error) return Trouble{"cannot make the folder " + folder + ": " + error.message()};
    if (made) ::chmod(folder.c_str(), 0700);
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return system_trouble("cannot open " + path, errno);
    ::close(file);
    return std::nullopt;
}

void sync_folder(const std::string& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return;
    ::fsync(file);
    ::close(file);
}

}  // namespace causeway::store
