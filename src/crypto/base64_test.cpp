#include "crypto/base64.hpp"

#include <gtest/gtest.h>

namespace causeway::crypto::base64_test {
namespace {

TEST(Base64, WritesAndReadsTheStandardsVectors) {
    // [RFC 4648 §10]
    const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(to_base64(as_octets(plain)), text);
        const std::string unpadded = to_base64(as_octets(plain), Padding::without);
        EXPECT_EQ(unpadded, text.substr(0, std::min(text.find('='), text.size())));
        for (const std::string_view written : {text, std::string_view(unpadded)}) {
            const auto read = from_base64(written);
            ASSERT_TRUE(read.has_value()) << written;
            EXPECT_EQ(as_text(*read), plain);
        }
    }
}

TEST(Base64, EveryOctetComesBack) {
    Octets all(256);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
    EXPECT_EQ(from_base64(to_base64(all)), all);
    EXPECT_NE(to_base64(all).find('+'), std::string::npos);
    EXPECT_NE(to_base64(all).find('/'), std::string::npos);
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
    for (const std::string_view wrong : {"Z", "Zg=", "Zg===", "Z===", "=", "====", "Zm9v=", "Zh==",
                                         "Zm9=", "Zm 9", "Zm9v\n", "Zm-_", "Zg==Zg==", "Zm9vY"})
        EXPECT_FALSE(from_base64(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace causeway::crypto::base64_test
