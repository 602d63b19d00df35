#include "store/kept_states.hpp"

#include "base/hex.hpp"
#include "store/testing.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace causeway::store::kept_states_test {
namespace {

using testing::Folder;

TEST(KeptStates, GiveBackTheNewestAfterTheyWereClosed) {
    const Folder folder;
    {
        auto states = KeptStates::open(folder.path());
        ASSERT_TRUE(states);
        EXPECT_EQ(states->find("one"), nullptr);
        EXPECT_FALSE(states->put("one", "01"_hex));
        EXPECT_FALSE(states->put("two", {}));
        EXPECT_FALSE(states->put("one", "02 03"_hex));
        ASSERT_NE(states->find("one"), nullptr);
    }
    const auto states = KeptStates::open(folder.path());
    ASSERT_TRUE(states);
    ASSERT_NE(states->find("one"), nullptr);
    EXPECT_EQ(*states->find("one"), "02 03"_hex);
    ASSERT_NE(states->find("two"), nullptr);
    EXPECT_TRUE(states->find("two")->empty());
}

TEST(KeptStates, ASecondOwnerIsRefused) {
    const Folder folder;
    auto first = KeptStates::open(folder.path());
    ASSERT_TRUE(first);
    EXPECT_FALSE(first->put("one", "01"_hex));
    const auto second = KeptStates::open(folder.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().line.find("another process"), std::string::npos);
}

TEST(KeptStates, WhatIsNoDatabaseIsRefused) {
    const Folder folder;
    std::ofstream(folder.path() + "/states.db")
        << "this is a text, and long enough to be no header";
    EXPECT_FALSE(KeptStates::open(folder.path()));
}

}  // namespace
}  // namespace causeway::store::kept_states_test
