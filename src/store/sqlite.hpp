#pragma once
// A thin face on SQLite: one connection, prepared statements, errors as values. One thread at a
// time. Texts and blobs are bound without a copy: they outlive the step.
#include "base/bytes.hpp"
#include "store/trouble.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace causeway::store {

class Statement {
public:
    Statement() = default;

    /// Parameters, from the first on. Then run() or step().
    template <class... Values>
    Statement& with(const Values&... values) {
        int at = 0;
        (bind(++at, values), ...);
        return *this;
    }
    /// To the end, rows ignored. False: see Sqlite::trouble().
    bool run();
    /// True while there is a row; afterwards ok() tells the end from an error.
    bool step();
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    void reset();

    // Of the row, columns from 0. Texts and blobs live until the next step.
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string_view text(int column) const;
    [[nodiscard]] Bytes blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;

private:
    friend class Sqlite;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };

    void bind(int at, std::int64_t value);
    void bind(int at, std::uint64_t value) { bind(at, static_cast<std::int64_t>(value)); }
    void bind(int at, std::uint32_t value) { bind(at, std::int64_t{value}); }
    void bind(int at, std::string_view text);
    void bind(int at, const std::string& text) { bind(at, std::string_view(text)); }
    void bind(int at, Bytes blob);

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    bool ok_ = true;
};

class Sqlite {
public:
    /// Opens `path`, which must exist.
    [[nodiscard]] static Opened<Sqlite> open(const std::string& path);

    bool execute(const std::string& sql);
    /// The statement must be right: a mistake in it is ours, and asserts.
    [[nodiscard]] Opened<Statement> prepare(std::string_view sql);
    /// The first column of the first row.
    [[nodiscard]] std::optional<std::int64_t> number(const std::string& sql);
    void roll_back();
    /// Takes what is in the write-ahead log to the database, so that the log can begin anew.
    void checkpoint();
    /// Fills `out` from a blob, without its passing through SQLite's memory.
    bool read_blob(const char* table, const char* column, std::int64_t row, MutableBytes out);

    /// "state/mqtt.db: database or disk is full": the last call that failed.
    [[nodiscard]] Trouble trouble() const;
    [[nodiscard]] bool is_busy() const;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    struct Close {
        void operator()(sqlite3* connection) const noexcept;
    };

    std::string path_;
    std::unique_ptr<sqlite3, Close> connection_;
};

/// What is in `folder` is nobody else's business: neither it nor the file is for others.
[[nodiscard]] std::optional<Trouble> make_database_file(const std::string& folder,
                                                        const std::string& path);
/// So that the name of a new file survives a power failure.
void sync_folder(const std::string& folder);

}  // namespace causeway::store
