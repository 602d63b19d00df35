// The annotated runs of RFC 9529, octet for octet, in both roles and step by step.
#include "base/hex.hpp"
#include "secure/edhoc.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::secure::edhoc_trace_test {

using crypto::KeyType;
using crypto::Secret;
using Kind = CredentialId::Kind;

struct Trace {
    Octets x{};
    Octets y{};
    Octets c_i{};
    Octets c_r{};
    Octets sk_r{};
    Octets sk_i{};
    Octets cred_r{};
    Octets cred_i{};
    Octets g_y{};
    Octets g_xy{};
    Octets g_rx{};
    Octets g_iy{};
    Octets h_1{};
    Octets th_2{};
    Octets th_3{};
    Octets th_4{};
    Octets prk_2e{};
    Octets prk_3e2m{};
    Octets prk_4e3m{};
    Octets plaintext_2{};
    Octets plaintext_3{};
    Octets message_1{};
    Octets message_2{};
    Octets message_3{};
    Octets message_4{};
    Octets prk_out{};
    Octets prk_exporter{};
    Octets secret{};
    Octets salt{};
    Octets update_context{};
    Octets updated_prk_out{};
    Octets updated_exporter{};
    Octets updated_secret{};
    Octets updated_salt{};
};

// [RFC 9529 §2]
Trace signatures_and_x5t() {
    return {
        .x = "89 2e c2 8e 5c b6 66 91 08 47 05 39 50 0b 70 5e 60 d0 08 d3 47 c5 81 7e e9 f3 32 7c "
             "8a 87 bb 03"_hex,
        .y = "e6 9c 23 fb f8 1b c4 35 94 24 46 83 7f e8 27 bf 20 6c 8f a1 0a 39 db 47 44 9e 5a 81 "
             "34 21 e1 e8"_hex,
        .c_i = "2d"_hex,
        .c_r = "18"_hex,
        .sk_r =
            "ef 14 0f f9 00 b0 ab 03 f0 c0 8d 87 9c bb d4 b3 1e a7 1e 6e 7e e7 ff cb 7e 79 55 77 "
            "7a 33 27 99"_hex,
        .sk_i =
            "4c 5b 25 87 8f 50 7c 6b 9d ae 68 fb d4 fd 3f f9 97 53 3d b0 af 00 b2 5d 32 4e a2 8e "
            "6c 21 3b c8"_hex,
        .cred_r =
            "30 81 ee 30 81 a1 a0 03 02 01 02 02 04 62 31 9e c4 30 05 06 03 2b 65 70 30 1d 31 1b "
            "30 19 06 03 55 04 03 0c 12 45 44 48 4f 43 20 52 6f 6f 74 20 45 64 32 35 35 31 39 30 "
            "1e 17 0d 32 32 30 33 31 36 30 38 32 34 33 36 5a 17 0d 32 39 31 32 33 31 32 33 30 30 "
            "30 30 5a 30 22 31 20 30 1e 06 03 55 04 03 0c 17 45 44 48 4f 43 20 52 65 73 70 6f 6e "
            "64 65 72 20 45 64 32 35 35 31 39 30 2a 30 05 06 03 2b 65 70 03 21 00 a1 db 47 b9 51 "
            "84 85 4a d1 2a 0c 1a 35 4e 41 8a ac e3 3a a0 f2 c6 62 c0 0b 3a c5 5d e9 2f 93 59 30 "
            "05 06 03 2b 65 70 03 41 00 b7 23 bc 01 ea b0 92 8e 8b 2b 6c 98 de 19 cc 38 23 d4 6e "
            "7d 69 87 b0 32 47 8f ec fa f1 45 37 a1 af 14 cc 8b e8 29 c6 b7 30 44 10 18 37 eb 4a "
            "bc 94 95 65 d8 6d ce 51 cf ae 52 ab 82 c1 52 cb 02"_hex,
        .cred_i =
            "30 81 ee 30 81 a1 a0 03 02 01 02 02 04 62 31 9e a0 30 05 06 03 2b 65 70 30 1d 31 1b "
            "30 19 06 03 55 04 03 0c 12 45 44 48 4f 43 20 52 6f 6f 74 20 45 64 32 35 35 31 39 30 "
            "1e 17 0d 32 32 30 33 31 36 30 38 32 34 30 30 5a 17 0d 32 39 31 32 33 31 32 33 30 30 "
            "30 30 5a 30 22 31 20 30 1e 06 03 55 04 03 0c 17 45 44 48 4f 43 20 49 6e 69 74 69 61 "
            "74 6f 72 20 45 64 32 35 35 31 39 30 2a 30 05 06 03 2b 65 70 03 21 00 ed 06 a8 ae 61 "
            "a8 29 ba 5f a5 45 25 c9 d0 7f 48 dd 44 a3 02 f4 3e 0f 23 d8 cc 20 b7 30 85 14 1e 30 "
            "05 06 03 2b 65 70 03 41 00 52 12 41 d8 b3 a7 70 99 6b cf c9 b9 ea d4 e7 e0 a1 c0 db "
            "35 3a 3b df 29 10 b3 92 75 ae 48 b7 56 01 59 81 85 0d 27 db 67 34 e3 7f 67 21 22 67 "
            "dd 05 ee ff 27 b9 e7 a8 13 fa 57 4b 72 a0 0b 43 0b"_hex,
        .g_y =
            "dc 88 d2 d5 1d a5 ed 67 fc 46 16 35 6b c8 ca 74 ef 9e be 8b 38 7e 62 3a 36 0b a4 80 "
            "b9 b2 9d 1c"_hex,
        .g_xy =
            "e5 cd f3 a9 86 cd ac 5b 7b f0 46 91 e2 b0 7c 08 e7 1f 53 99 8d 8f 84 2b 7c 3f b4 d8 "
            "39 cf 7b 28"_hex,
        .h_1 =
            "c1 65 d6 a9 9d 1b ca fa ac 8d bf 2b 35 2a 6f 7d 71 a3 0b 43 9c 9d 64 d3 49 a2 38 48 "
            "03 8e d1 6b"_hex,
        .th_2 =
            "c6 40 5c 15 4c 56 74 66 ab 1d f2 03 69 50 0e 54 0e 9f 14 bd 3a 79 6a 06 52 ca e6 6c "
            "90 61 68 8d"_hex,
        .th_3 =
            "5b 7d f9 b4 f5 8f 24 0c e0 41 8e 48 19 1b 5f ff 3a 22 b5 ca 57 f6 69 b1 67 77 99 65 "
            "92 e9 28 bc"_hex,
        .th_4 =
            "0e b8 68 f2 63 cf 35 55 dc cd 39 6d d8 de c2 9d 37 50 d5 99 be 42 d5 a4 1a 5a 37 c8 "
            "96 f2 94 ac"_hex,
        .prk_2e =
            "d5 84 ac 2e 5d ad 5a 77 d1 4b 53 eb e7 2e f1 d5 da a8 86 0d 39 93 73 bf 2c 24 0a fa "
            "7b a8 04 da"_hex,
        .prk_3e2m =
            "d5 84 ac 2e 5d ad 5a 77 d1 4b 53 eb e7 2e f1 d5 da a8 86 0d 39 93 73 bf 2c 24 0a fa "
            "7b a8 04 da"_hex,
        .prk_4e3m =
            "d5 84 ac 2e 5d ad 5a 77 d1 4b 53 eb e7 2e f1 d5 da a8 86 0d 39 93 73 bf 2c 24 0a fa "
            "7b a8 04 da"_hex,
        .plaintext_2 =
            "41 18 a1 18 22 82 2e 48 79 f2 a4 1b 51 0c 1f 9b 58 40 c3 b5 bd 44 d1 e4 4a 08 5c 03 "
            "d3 ae de 4e 1e 6c 11 c5 72 a1 96 8c c3 62 9b 50 5f 98 c6 81 60 8d 3d 1d e7 93 d1 c4 "
            "0e b5 dd 5d 89 ac f1 96 6a ea 07 02 2b 48 cd c9 98 70 eb c4 03 74 e8 fa 6e 09"_hex,
        .plaintext_3 =
            "a1 18 22 82 2e 48 c2 4a b2 fd 76 43 c7 9f 58 40 96 e1 cd 5f ce ad fa c1 b5 af 81 94 "
            "43 f7 09 24 f5 71 99 55 95 7f d0 26 55 be b4 77 5e 1a 73 18 6a 0d 1d 3e a6 83 f0 8f "
            "8d 03 dc ec b9 cf 15 4e 1c 6f 55 5a 1e 12 ca 11 8c e4 2b db a6 87 89 07"_hex,
        .message_1 =
            "00 00 58 20 31 f8 2c 7b 5b 9c bb f0 f1 94 d9 13 cc 12 ef 15 32 d3 28 ef 32 63 2a 48 "
            "81 a1 c0 70 1e 23 7f 04 2d"_hex,
        .message_2 =
            "58 72 dc 88 d2 d5 1d a5 ed 67 fc 46 16 35 6b c8 ca 74 ef 9e be 8b 38 7e 62 3a 36 0b "
            "a4 80 b9 b2 9d 1c bc 26 dd 27 0f e9 c0 2c 44 ce 39 34 79 4b 1c c6 2b a2 2f 05 45 9f "
            "8d 35 8c 8d 12 27 5a c4 2c 5f 96 de d5 f1 3c c9 08 4e 5b 20 18 89 a4 5e 5a 60 a5 56 "
            "2d c1 18 61 9c 3d aa 2f d9 f4 c9 f4 d6 ed ad 10 9d d4 ed f9 59 62 aa fb af 9a b3 f4 "
            "a1 f6 b9 8f"_hex,
        .message_3 =
            "58 58 25 c3 45 88 4a aa eb 22 c5 27 f9 b1 d2 b6 78 72 07 e0 16 3c 69 b6 2a 0d 43 92 "
            "81 50 42 72 03 c3 16 74 e4 51 4e a6 e3 83 b5 66 eb 29 76 3e fe b0 af a5 18 77 6a e1 "
            "c6 5f 85 6d 84 bf 32 af 3a 78 36 97 04 66 dc b7 1f 76 74 5d 39 d3 02 5e 77 03 e0 c0 "
            "32 eb ad 51 94 7c"_hex,
        .message_4 = "48 4f 0e de e3 66 e5 c8 83"_hex,
        .prk_out =
            "b7 44 cb 7d 8a 87 cc 04 47 c3 35 0e 16 5b 25 0d ab 12 ec 45 33 25 ab b9 22 b3 03 07 "
            "e5 c3 68 f0"_hex,
        .prk_exporter =
            "2a ae c8 fc 4a b3 bc 32 95 de f6 b5 51 05 1a 2f a5 61 42 4d b3 01 fa 84 f6 42 f5 57 "
            "8a 6d f5 1a"_hex,
        .secret = "1e 1c 6b ea c3 a8 a1 ca c4 35 de 7e 2f 9a e7 ff"_hex,
        .salt = "ce 7a b8 44 c0 10 6d 73"_hex,
        .update_context = "d6 be 16 96 02 b8 bc ea a0 11 58 fd b8 20 89 0c"_hex,
        .updated_prk_out =
            "da 6e ac d9 a9 85 f4 fb a9 ae c2 a9 29 90 22 97 6b 25 b1 4e 89 fa 15 97 94 f2 8d 82 "
            "fa f2 da ad"_hex,
        .updated_exporter =
            "00 14 d2 52 5e e0 d8 e2 13 ea 59 08 02 8e 9a 1c e9 a0 1c 30 54 6f 09 30 c0 44 d3 8d "
            "b5 36 2c 05"_hex,
        .updated_secret = "ee 0f f5 42 c4 7e b0 e0 9c 69 30 76 49 bd bb e5"_hex,
        .updated_salt = "80 ce de 2a 1e 5a ab 48"_hex,
    };
}

// [RFC 9529 §3]
Trace static_keys_and_kid() {
    return {
        .x = "36 8e c1 f6 9a eb 65 9b a3 7d 5a 8d 45 b2 1b dc 02 99 dc ea a8 ef 23 5f 3c a4 2c e3 "
             "53 0f 95 25"_hex,
        .y = "e2 f4 12 67 77 20 5e 85 3b 43 7d 6e ac a1 e1 f7 53 cd cc 3e 2c 69 fa 88 4b 0a 1a 64 "
             "09 77 e4 18"_hex,
        .c_i = "37"_hex,
        .c_r = "27"_hex,
        .sk_r =
            "72 cc 47 61 db d4 c7 8f 75 89 31 aa 58 9d 34 8d 1e f8 74 a7 e3 03 ed e2 f1 40 dc f3 "
            "e6 aa 4a ac"_hex,
        .sk_i =
            "fb 13 ad eb 65 18 ce e5 f8 84 17 66 08 41 14 2e 83 0a 81 fe 33 43 80 a9 53 40 6a 13 "
            "05 e8 70 6b"_hex,
        .cred_r =
            "a2 02 6b 65 78 61 6d 70 6c 65 2e 65 64 75 08 a1 01 a5 01 02 02 41 32 20 01 21 58 20 "
            "bb c3 49 60 52 6e a4 d3 2e 94 0c ad 2a 23 41 48 dd c2 17 91 a1 2a fb cb ac 93 62 20 "
            "46 dd 44 f0 22 58 20 45 19 e2 57 23 6b 2a 0c e2 02 3f 09 31 f1 f3 86 ca 7a fd a6 4f "
            "cd e0 10 8c 22 4c 51 ea bf 60 72"_hex,
        .cred_i =
            "a2 02 77 34 32 2d 35 30 2d 33 31 2d 46 46 2d 45 46 2d 33 37 2d 33 32 2d 33 39 08 a1 "
            "01 a5 01 02 02 41 2b 20 01 21 58 20 ac 75 e9 ec e3 e5 0b fc 8e d6 03 99 88 95 22 40 "
            "5c 47 bf 16 df 96 66 0a 41 29 8c b4 30 7f 7e b6 22 58 20 6e 5d e6 11 38 8a 4b 8a 82 "
            "11 33 4a c7 d3 7e cb 52 a3 87 d2 57 e6 db 3c 2a 93 df 21 ff 3a ff c8"_hex,
        .g_y =
            "41 97 01 d7 f0 0a 26 c2 dc 58 7a 36 dd 75 25 49 f3 37 63 c8 93 42 2c 8e a0 f9 55 a1 "
            "3a 4f f5 d5"_hex,
        .g_xy =
            "2f 0c b7 e8 60 ba 53 8f bf 5c 8b de d0 09 f6 25 9b 4b 62 8f e1 eb 7d be 93 78 e5 ec "
            "f7 a8 24 ba"_hex,
        .g_rx =
            "f2 b6 ee a0 22 20 b9 5e ee 5a 0b c7 01 f0 74 e0 0a 84 3e a0 24 22 f6 08 25 fb 26 9b "
            "3e 16 14 23"_hex,
        .g_iy =
            "08 0f 42 50 85 bc 62 49 08 9e ac 8f 10 8e a6 23 26 85 7e 12 ab 07 d7 20 28 ca 1b 5f "
            "36 e0 04 b3"_hex,
        .h_1 =
            "ca 02 ca bd a5 a8 90 27 49 b4 2f 71 10 50 bb 4d bd 52 15 3e 87 52 75 94 b3 9f 50 cd "
            "f0 19 88 8c"_hex,
        .th_2 =
            "35 6e fd 53 77 14 25 e0 08 f3 fe 3a 86 c8 3f f4 c6 b1 6e 57 02 8f f3 9d 52 36 c1 82 "
            "b2 02 08 4b"_hex,
        .th_3 =
            "ad af 67 a7 8a 4b cc 91 e0 18 f8 88 27 62 a7 22 00 0b 25 07 03 9d f0 bc 1b bf 0c 16 "
            "1b b3 15 5c"_hex,
        .th_4 =
            "c9 02 b1 e3 a4 32 6c 93 c5 55 1f 5f 3a a6 c5 ec c0 24 68 06 76 56 12 e5 2b 5d 99 e6 "
            "05 9d 6b 6e"_hex,
        .prk_2e =
            "5a a0 d6 9f 3e 3d 1e 0c 47 9f 0b 8a 48 66 90 c9 80 26 30 c3 46 6b 1d c9 23 71 c9 82 "
            "56 31 70 b5"_hex,
        .prk_3e2m =
            "0c a3 d3 39 82 96 b3 c0 39 00 98 76 20 c1 1f 6f ce 70 78 1c 1d 12 19 72 0f 9e c0 8c "
            "12 2d 84 34"_hex,
        .prk_4e3m =
            "81 cc 8a 29 8e 35 70 44 e3 c4 66 bb 5c 0a 1e 50 7e 01 d4 92 38 ae ba 13 8d f9 46 35 "
            "40 7c 0f f7"_hex,
        .plaintext_2 = "27 32 48 09 43 30 5c 89 9f 5c 54"_hex,
        .plaintext_3 = "2b 48 62 3c 91 df 41 e3 4c 2f"_hex,
        .message_1 =
            "03 82 06 02 58 20 8a f6 f4 30 eb e1 8d 34 18 40 17 a9 a1 1b f5 11 c8 df f8 f8 34 73 "
            "0b 96 c1 b7 c8 db ca 2f c3 b6 37"_hex,
        .message_2 =
            "58 2b 41 97 01 d7 f0 0a 26 c2 dc 58 7a 36 dd 75 25 49 f3 37 63 c8 93 42 2c 8e a0 f9 "
            "55 a1 3a 4f f5 d5 98 62 a1 ee f9 e0 e7 e1 88 6f cd"_hex,
        .message_3 = "52 e5 62 09 7b c4 17 dd 59 19 48 5a c7 89 1f fd 90 a9 fc"_hex,
        .message_4 = "48 28 c9 66 b7 ca 30 4f 83"_hex,
        .prk_out =
            "2c 71 af c1 a9 33 8a 94 0b b3 52 9c a7 34 b8 86 f3 0d 1a ba 0b 4d c5 1b ee ae ab df "
            "ea 9e cb f8"_hex,
        .prk_exporter =
            "e1 4d 06 69 9c ee 24 8c 5a 04 bf 92 27 bb cd 4c e3 94 de 7d cb 56 db 43 55 54 74 17 "
            "1e 64 46 db"_hex,
        .secret = "f9 86 8f 6a 3a ca 78 a0 5d 14 85 b3 50 30 b1 62"_hex,
        .salt = "ad a2 4c 7d bf c8 5e eb"_hex,
        .update_context = "a0 11 58 fd b8 20 89 0c d6 be 16 96 02 b8 bc ea"_hex,
        .updated_prk_out =
            "f9 79 53 77 43 fe 0b d6 b9 b1 41 dd bd 79 65 6c 52 e6 dc 7c 50 ad 80 77 54 d7 4d 07 "
            "e8 7d 0d 16"_hex,
        .updated_exporter =
            "00 fc f7 db 9b 2e ad 73 82 4e 7e 83 03 63 c8 05 c2 96 f9 02 83 0f ac 23 d8 6c 35 9c "
            "75 2f 0f 17"_hex,
        .updated_secret = "49 f7 2f ac 02 b4 65 8b da 21 e2 da c6 6f c3 74"_hex,
        .updated_salt = "dd 8b 24 f2 aa 9b 01 1a"_hex,
    };
}

// A run of an earlier draft over P-256 (the LAKE working group's vector 6): its TH_2 and context_2
// were other ones, what stands between has not changed since.
struct Schedule {
    Octets g_rx{};
    Octets g_iy{};
    Octets prk_2e{};
    Octets th_2{};
    Octets prk_3e2m{};
    Octets th_3{};
    Octets plaintext_3{};
    Octets ciphertext_3{};
    Octets prk_4e3m{};
    Octets th_4{};
    Octets ciphertext_4{};
    Octets prk_out{};
    Octets secret{};
    Octets salt{};
};

Schedule p256_static_keys() {
    return {
        .g_rx =
            "f2 b6 ee a0 22 20 b9 5e ee 5a 0b c7 01 f0 74 e0 0a 84 3e a0 24 22 f6 08 25 fb 26 9b "
            "3e 16 14 23"_hex,
        .g_iy =
            "08 0f 42 50 85 bc 62 49 08 9e ac 8f 10 8e a6 23 26 85 7e 12 ab 07 d7 20 28 ca 1b 5f "
            "36 e0 04 b3"_hex,
        .prk_2e =
            "fd 9e ef 62 74 87 e4 03 90 ca e9 22 51 2d b5 a6 47 c0 8d c9 0d eb 22 b7 2e ce 6f 15 "
            "6f f1 c3 96"_hex,
        .th_2 =
            "9d bc c5 0d 1b 38 75 bf 78 f6 4b 8e e6 42 eb 72 31 a6 ee 0c 34 eb 18 60 84 4d bb ba "
            "92 f6 5c b4"_hex,
        .prk_3e2m =
            "7f fa f0 59 c9 63 8c 8d b7 6d e8 cb 09 b9 23 65 54 00 88 81 08 d1 3c b6 8b f4 9a 96 "
            "ad 93 03 86"_hex,
        .th_3 =
            "b5 5c b0 05 9e 49 eb 88 d7 40 25 00 aa f8 23 2e f3 fa 50 b4 c8 ae 18 e5 d8 ec d0 d9 "
            "39 0b 27 c5"_hex,
        .plaintext_3 = "05 48 2e b0 77 7a 49 15 97 fe"_hex,
        .ciphertext_3 = "5e b6 f3 3f 2d 62 b3 0e c8 a3 44 79 55 1f 89 bc 14 cd"_hex,
        .prk_4e3m =
            "2d 17 70 8d c4 fc e9 51 3a 36 38 33 2a 4a 0f c5 1e 36 84 42 bb 79 28 4d eb 39 5f 08 "
            "e9 e9 2b b3"_hex,
        .th_4 =
            "69 dd f8 a9 18 4f 3d 64 47 b8 0a 7e 1f e8 a7 35 90 e9 89 80 e3 6e 31 ee 1d f3 c0 22 "
            "b4 2c af 43"_hex,
        .ciphertext_4 = "39 80 81 2c 62 4f c8 2c"_hex,
        .prk_out =
            "62 e9 9a 95 11 26 28 37 f6 8b 28 6e 33 ec 49 1d 59 55 8e f9 e8 1d 2d 67 ee cd d0 a3 "
            "be 03 fe b5"_hex,
        .secret = "18 69 63 0b d5 17 67 82 9c 98 41 00 2c 74 a5 c0"_hex,
        .salt = "80 cf b1 81 01 62 d5 09"_hex,
    };
}

struct Sides {
    EdhocConfig initiator{};
    EdhocConfig responder{};
};

/// One side's own credential is the other side's list.
Sides sides_of(const EdhocCredential& cred_i, const EdhocCredential& cred_r, Kind named_by,
               const Trace& trace) {
    Sides sides;
    sides.initiator.identities.push_back(EdhocIdentity::make(cred_i, named_by, trace.sk_i).value());
    sides.responder.identities.push_back(EdhocIdentity::make(cred_r, named_by, trace.sk_r).value());
    EXPECT_TRUE(sides.initiator.peers.add(cred_r));
    EXPECT_TRUE(sides.responder.peers.add(cred_i));
    sides.initiator.message_4 = sides.responder.message_4 = true;
    return sides;
}

Sides with_signatures(const Trace& trace) {
    Sides sides = sides_of(EdhocCredential::from_certificate(trace.cred_i, "initiator").value(),
                           EdhocCredential::from_certificate(trace.cred_r, "responder").value(),
                           Kind::x5t, trace);
    sides.initiator.suites.push_back(0);
    sides.responder.suites.push_back(0);
    return sides;
}

/// The Initiator prefers suite 6, for which it has an X25519 key; the Responder has no such key.
Sides with_static_keys(const Trace& trace) {
    Sides sides = sides_of(EdhocCredential::from_claims(trace.cred_i).value(),
                           EdhocCredential::from_claims(trace.cred_r).value(), Kind::kid, trace);
    const auto other = crypto::AgreementKey::from_private(crypto::Curve::x25519, trace.sk_i);
    const Octets claims =
        claims_of({.kid = as_octets("x"), .type = KeyType::x25519, .key = other->public_octets()});
    sides.initiator.identities.push_back(
        EdhocIdentity::make(EdhocCredential::from_claims(claims).value(), Kind::kid, trace.sk_i)
            .value());
    sides.initiator.suites.push_back(6);
    sides.initiator.suites.push_back(2);
    sides.responder.suites.push_back(2);
    return sides;
}

void expect_keys(const Trace& trace, EdhocSession session, Bytes sender_id, Bytes recipient_id) {
    // [RFC 9528 §4.2.1, §A.1]
    ContextConfig context = session.oscore("peer");
    EXPECT_EQ(to_hex(context.master_secret), to_hex(trace.secret));
    EXPECT_EQ(to_hex(context.master_salt), to_hex(trace.salt));
    EXPECT_EQ(to_hex(context.sender_id), to_hex(sender_id));
    EXPECT_EQ(to_hex(context.recipient_id), to_hex(recipient_id));
    EXPECT_EQ(context.aead, crypto::AeadAlgorithm::aes_ccm_16_64_128);
    EXPECT_EQ(context.hash, crypto::Hash::sha256);
    EXPECT_EQ(context.name, "peer");
    EXPECT_TRUE(context.evictable);
    EXPECT_FALSE(context.saved);
    EXPECT_EQ(to_hex(session.exporter(0, {}, 16)), to_hex(trace.secret));
    session.key_update(trace.update_context);  // [RFC 9528 §H]
    context = session.oscore();
    EXPECT_EQ(to_hex(context.master_secret), to_hex(trace.updated_secret));
    EXPECT_EQ(to_hex(context.master_salt), to_hex(trace.updated_salt));
}

EdhocInitiator initiator_of(const Sides& sides, const Trace& trace, std::int64_t method) {
    EdhocInitiator::Start start{
        .method = method, .c_i = ConnectionId(trace.c_i), .randomness = Secret(trace.x)};
    if (sides.initiator.suites.size() > 1) start.suites_r.push_back(2);
    return EdhocInitiator(sides.initiator, std::move(start));
}

EdhocResponder responder_of(const Sides& sides, const Trace& trace) {
    return EdhocResponder(sides.responder,
                          {.c_r = ConnectionId(trace.c_r), .randomness = Secret(trace.y)});
}

void expect_run(const Trace& trace, const Sides& sides, std::int64_t method, std::int64_t suite,
                std::string_view name_i, std::string_view name_r) {
    EdhocInitiator initiator = initiator_of(sides, trace, method);
    EdhocResponder responder = responder_of(sides, trace);
    const auto message_1 = initiator.message_1();
    ASSERT_TRUE(message_1);
    EXPECT_EQ(to_hex(*message_1), to_hex(trace.message_1));
    EXPECT_EQ(initiator.selected_suite(), suite);
    const auto message_2 = responder.on_message_1(trace.message_1);
    ASSERT_TRUE(message_2) << name_of(message_2.error().fault);
    EXPECT_EQ(to_hex(*message_2), to_hex(trace.message_2));
    EXPECT_EQ(to_hex(responder.message_1_hash()), to_hex(trace.h_1));
    EXPECT_EQ(initiator.result(), nullptr);
    const auto message_3 = initiator.on_message_2(trace.message_2);
    ASSERT_TRUE(message_3) << name_of(message_3.error().fault);
    EXPECT_EQ(to_hex(*message_3), to_hex(trace.message_3));
    EXPECT_EQ(initiator.result(), nullptr);  // the profile has message_4
    EXPECT_EQ(responder.result(), nullptr);
    const auto message_4 = responder.on_message_3(trace.message_3);
    ASSERT_TRUE(message_4) << name_of(message_4.error().fault);
    EXPECT_EQ(to_hex(*message_4), to_hex(trace.message_4));
    ASSERT_TRUE(initiator.on_message_4(trace.message_4));

    const EdhocResult* i = initiator.result();
    const EdhocResult* r = responder.result();
    ASSERT_TRUE(i != nullptr && r != nullptr);
    EXPECT_EQ(i->peer, name_r);
    EXPECT_EQ(r->peer, name_i);
    EXPECT_TRUE(i->confirmed && r->confirmed);
    for (const EdhocResult* result : {i, r}) {
        EXPECT_EQ(result->method, method);
        EXPECT_EQ(result->suite, suite);
        EXPECT_TRUE(same(result->c_i.bytes(), trace.c_i));
        EXPECT_TRUE(same(result->c_r.bytes(), trace.c_r));
    }
    expect_keys(trace, i->session, trace.c_r, trace.c_i);
    expect_keys(trace, r->session, trace.c_i, trace.c_r);
}

TEST(EdhocTrace, SignaturesAndX5tComeOutToTheOctet) {
    const Trace trace = signatures_and_x5t();
    expect_run(trace, with_signatures(trace), 0, 0, "initiator", "responder");
}

TEST(EdhocTrace, StaticKeysAndKidComeOutToTheOctet) {
    const Trace trace = static_keys_and_kid();
    expect_run(trace, with_static_keys(trace), 3, 2, "42-50-31-FF-EF-37-32-39", "example.edu");
}

TEST(EdhocTrace, TheSuiteIsNegotiatedAsTheTraceHasIt) {
    // [RFC 9529 §3.1, §3.2, §3.3; RFC 9528 §6.3]
    const Trace trace = static_keys_and_kid();
    const Sides sides = with_static_keys(trace);
    const Octets first =
        "03 06 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3 26 20 b7 "
        "49 be e8 d2 78 ef a9 0e"_hex;
    EdhocResponder responder = responder_of(sides, trace);
    const auto refused = responder.on_message_1(first);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, EdhocFault::suite);
    EXPECT_EQ(to_hex(refused.error().reply), "0202");

    // Ours begins so too, but for the key: suite 6 has X25519, where the trace took a P-256 one.
    EdhocInitiator initiator(sides.initiator,
                             {.method = 3, .c_i = ConnectionId("0e"_hex), .randomness = {}});
    const auto message_1 = initiator.message_1();
    ASSERT_TRUE(message_1);
    EXPECT_EQ(message_1->size(), first.size());
    EXPECT_TRUE(same(Bytes(*message_1).first(4), Bytes(first).first(4)));
    const auto told = initiator.on_message_2(refused.error().reply);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().fault, EdhocFault::peer_error);
    EXPECT_TRUE(told.error().reply.empty());
    ASSERT_TRUE(told.error().said);
    EXPECT_EQ(told.error().said->code, 2);
    ASSERT_EQ(told.error().said->suites.size(), 1u);

    EdhocInitiator again(sides.initiator, {.method = 3,
                                           .c_i = ConnectionId(trace.c_i),
                                           .randomness = Secret(trace.x),
                                           .suites_r = told.error().said->suites});
    EXPECT_EQ(to_hex(again.message_1().value()), to_hex(trace.message_1));
}

void expect_schedule(const Trace& trace, std::int64_t method, std::int64_t suite,
                     const CredentialId& id_i, const CredentialId& id_r,
                     const EdhocCredential& cred_i, const EdhocCredential& cred_r) {
    EdhocTranscript run{.suite = edhoc_suite(suite), .method = method};
    run.message_1 = crypto::sha256(trace.message_1);
    EXPECT_EQ(to_hex(run.message_1), to_hex(trace.h_1));
    run.exchanged(trace.g_y, Secret(trace.g_xy));
    EXPECT_EQ(to_hex(run.th_2), to_hex(trace.th_2));
    EXPECT_EQ(to_hex(run.prk_2e.bytes()), to_hex(trace.prk_2e));
    std::optional<Secret> g_rx;
    if (!run.responder_signs()) g_rx = Secret(trace.g_rx);
    run.prk_3e2m = run.prk_of_responder(g_rx);
    EXPECT_EQ(to_hex(run.prk_3e2m.bytes()), to_hex(trace.prk_3e2m));

    const auto plaintext_2 = EdhocPlaintext::parse(trace.plaintext_2, true);
    ASSERT_TRUE(plaintext_2);
    EXPECT_EQ(to_hex(plaintext_2->encoded()), to_hex(trace.plaintext_2));
    EXPECT_EQ(to_hex(plaintext_2->id_cred.map), to_hex(id_r.map));
    EXPECT_TRUE((EdhocProof{
        .message = 2,
        .suite = *run.suite,
        .signs = run.responder_signs(),
        .prk = run.prk_3e2m.bytes(),
        .th = run.th_2,
        .c_r = trace.c_r,
        .id_cred = id_r,
        .cred = cred_r.cred,
        .ead = {}}.holds(cred_r.key, plaintext_2->signature_or_mac)));
    Octets text = trace.plaintext_2;
    run.cipher_2(text);
    EXPECT_TRUE(same(text, Bytes(trace.message_2).last(text.size())));

    run.said_2(trace.plaintext_2, cred_r.cred);
    EXPECT_EQ(to_hex(run.th_3), to_hex(trace.th_3));
    std::optional<Secret> g_iy;
    if (!run.initiator_signs()) g_iy = Secret(trace.g_iy);
    run.prk_4e3m = run.prk_of_initiator(g_iy);
    EXPECT_EQ(to_hex(run.prk_4e3m.bytes()), to_hex(trace.prk_4e3m));
    const auto plaintext_3 = EdhocPlaintext::parse(trace.plaintext_3, false);
    ASSERT_TRUE(plaintext_3);
    EXPECT_EQ(to_hex(plaintext_3->encoded()), to_hex(trace.plaintext_3));
    EXPECT_EQ(to_hex(plaintext_3->id_cred.map), to_hex(id_i.map));
    EXPECT_EQ(to_hex(edhoc_string(run.seal(3, trace.plaintext_3))), to_hex(trace.message_3));
    run.said_3(trace.plaintext_3, cred_i.cred);
    EXPECT_EQ(to_hex(run.th_4), to_hex(trace.th_4));
    EXPECT_EQ(to_hex(edhoc_string(run.seal(4, {}))), to_hex(trace.message_4));

    // [RFC 9528 §4.1.3, §H]
    const Secret prk_out = run.prk_out();
    EXPECT_EQ(to_hex(prk_out.bytes()), to_hex(trace.prk_out));
    EXPECT_EQ(to_hex(edhoc_kdf(prk_out.bytes(), 10, {}, 32)), to_hex(trace.prk_exporter));
    const Secret updated = edhoc_secret(prk_out.bytes(), 11, trace.update_context);
    EXPECT_EQ(to_hex(updated.bytes()), to_hex(trace.updated_prk_out));
    EXPECT_EQ(to_hex(edhoc_kdf(updated.bytes(), 10, {}, 32)), to_hex(trace.updated_exporter));
}

TEST(EdhocTrace, EveryKeyAndTranscriptHashAgrees) {
    const Trace first = signatures_and_x5t();
    const auto cert_i = EdhocCredential::from_certificate(first.cred_i).value();
    const auto cert_r = EdhocCredential::from_certificate(first.cred_r).value();
    expect_schedule(first, 0, 0, CredentialId::of_certificate_hash(first.cred_i),
                    CredentialId::of_certificate_hash(first.cred_r), cert_i, cert_r);
    const Trace second = static_keys_and_kid();
    const auto ccs_i = EdhocCredential::from_claims(second.cred_i).value();
    const auto ccs_r = EdhocCredential::from_claims(second.cred_r).value();
    expect_schedule(second, 3, 2, CredentialId::of_kid(*ccs_i.kid),
                    CredentialId::of_kid(*ccs_r.kid), ccs_i, ccs_r);
}

TEST(EdhocTrace, TheScheduleOverP256Agrees) {
    const Schedule vector = p256_static_keys();
    EdhocTranscript run{.suite = edhoc_suite(2), .method = 3};
    std::ranges::copy(vector.th_2, run.th_2.begin());
    run.prk_2e = Secret(vector.prk_2e);
    run.prk_3e2m = run.prk_of_responder(Secret(vector.g_rx));
    EXPECT_EQ(to_hex(run.prk_3e2m.bytes()), to_hex(vector.prk_3e2m));
    std::ranges::copy(vector.th_3, run.th_3.begin());
    EXPECT_EQ(to_hex(run.seal(3, vector.plaintext_3)), to_hex(vector.ciphertext_3));
    EXPECT_EQ(run.open(3, vector.ciphertext_3), vector.plaintext_3);
    run.prk_4e3m = run.prk_of_initiator(Secret(vector.g_iy));
    EXPECT_EQ(to_hex(run.prk_4e3m.bytes()), to_hex(vector.prk_4e3m));
    std::ranges::copy(vector.th_4, run.th_4.begin());
    EXPECT_EQ(to_hex(run.seal(4, {})), to_hex(vector.ciphertext_4));
    EXPECT_EQ(to_hex(run.prk_out().bytes()), to_hex(vector.prk_out));
    const ContextConfig context =
        EdhocSession(*run.suite, run.prk_out(), ConnectionId("27"_hex), ConnectionId("37"_hex))
            .oscore();
    EXPECT_EQ(to_hex(context.master_secret), to_hex(vector.secret));
    EXPECT_EQ(to_hex(context.master_salt), to_hex(vector.salt));
}

TEST(EdhocTrace, InvalidMessagesAreRefused) {
    // [RFC 9529 §4; RFC 9528 §9.8]
    const Trace trace = static_keys_and_kid();
    Sides sides = with_static_keys(trace);
    const Trace other = signatures_and_x5t();
    const auto static_key = crypto::AgreementKey::from_private(crypto::Curve::x25519, other.sk_r);
    const Octets claims = claims_of(
        {.kid = as_octets("y"), .type = KeyType::x25519, .key = static_key->public_octets()});
    sides.responder.identities.push_back(
        EdhocIdentity::make(EdhocCredential::from_claims(claims).value(), Kind::kid, other.sk_r)
            .value());
    sides.responder.suites.push_back(0);
    struct Case {
        std::string_view what;
        EdhocFault fault;
        Octets message;
    };
    const std::vector<Case> cases{
        {"array around the message", EdhocFault::malformed,
         "84 03 02 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3 26 20"
         "b7 49 be e8 d2 78 ef a9 0e"_hex},
        {"string around C_I", EdhocFault::malformed,
         "03 02 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3 26 20 b7"
         "49 be e8 d2 78 ef a9 41 0e"_hex},
        {"array around one suite", EdhocFault::malformed,
         "03 81 02 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3 26 20"
         "b7 49 be e8 d2 78 ef a9 0e"_hex},
        {"G_X a text", EdhocFault::malformed,
         "03 02 78 20 20 61 69 72 20 73 70 65 65 64 20 6f 66 20 61 20 75 6e 6c 61 64 65 6e 20 73"
         "77 61 6c 6c 6f 77 20 0e"_hex},
        {"a suite that is not ours", EdhocFault::suite,
         "03 82 02 18 18 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3"
         "26 20 b7 49 be e8 d2 78 ef a9 0e"_hex},
        {"x not below p", EdhocFault::ephemeral_key,
         "03 02 58 20 ff ff ff ff 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 ff ff ff ff ff"
         "ff ff ff ff ff ff ff 0e"_hex},
        {"off the curve", EdhocFault::ephemeral_key,
         "03 02 58 20 a0 4e 73 60 1d f5 44 a7 0b a7 ea 1e 57 03 0f 7d 4b 4e b7 f6 73 92 4e 58 d5"
         "4c a7 7a 5e 7d 4d 4a 0e"_hex},
        {"of low order", EdhocFault::ephemeral_key,
         "03 00 58 20 ed ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"
         "ff ff ff ff ff ff 7f 0e"_hex},
        {"x without its leading zero", EdhocFault::ephemeral_key,
         "03 02 58 1f d9 69 77 25 d2 3a 68 8b 12 d1 c7 e0 10 8a 08 c9 f7 1a 85 a0 9c 20 81 49 76"
         "ab 21 12 22 48 fc 0e"_hex},
        {"a long METHOD", EdhocFault::malformed,
         "19 00 03 02 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3 26"
         "20 b7 49 be e8 d2 78 ef a9 0e"_hex},
        {"an array of no length", EdhocFault::malformed,
         "03 9f 06 02 ff 58 20 74 1a 13 d7 ba 04 8f bb 61 5e 94 38 6a a3 b6 1b ea 5b 3d 8f 65 f3"
         "26 20 b7 49 be e8 d2 78 ef a9 0e"_hex},
    };
    for (const Case& c : cases) {
        EdhocResponder responder = responder_of(sides, trace);
        const auto answer = responder.on_message_1(c.message);
        ASSERT_FALSE(answer) << c.what;
        EXPECT_EQ(answer.error().fault, c.fault) << c.what;
        EXPECT_TRUE(EdhocErrorMessage::parse(answer.error().reply)) << c.what;
    }
    EdhocInitiator initiator = initiator_of(sides, trace, 3);
    ASSERT_TRUE(initiator.message_1());
    const auto two_items = initiator.on_message_2(
        "58 20 41 97 01 d7 f0 0a 26 c2 dc 58 7a 36 dd 75 25 49 f3 37 63 c8 93 42 2c 8e a0 f9 55"
        "a1 3a 4f f5 d5 4b 98 62 a1 1d e4 2a 95 d7 85 38 6a"_hex);
    ASSERT_FALSE(two_items);
    EXPECT_EQ(two_items.error().fault, EdhocFault::malformed);
    // A map around a lone kid, and a string around a kid that is an integer.
    EXPECT_FALSE(EdhocPlaintext::parse("27 a1 04 42 32 10 48 fa 5e fa 2e bf 92 0b f3"_hex, true));
    EXPECT_FALSE(EdhocPlaintext::parse("27 41 32 48 fa 5e fa 2e bf 92 0b f3"_hex, true));
    EXPECT_TRUE(EdhocPlaintext::parse("27 32 48 fa 5e fa 2e bf 92 0b f3"_hex, true));
}

TEST(EdhocTrace, AMacOfAnotherLengthIsRefused) {
    // [RFC 9529 §4.2]: four octets where the suite has eight
    const Trace trace = static_keys_and_kid();
    const Sides sides = with_static_keys(trace);
    EdhocTranscript run{.suite = edhoc_suite(2), .method = 3};
    run.message_1 = crypto::sha256(trace.message_1);
    run.exchanged(trace.g_y, Secret(trace.g_xy));
    Octets text = "27 32 44 fa 5e fa 2e"_hex;
    run.cipher_2(text);
    Octets content = trace.g_y;
    content.insert(content.end(), text.begin(), text.end());
    EdhocInitiator initiator = initiator_of(sides, trace, 3);
    ASSERT_TRUE(initiator.message_1());
    const auto answer = initiator.on_message_2(edhoc_string(content));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, EdhocFault::authentication);
    EXPECT_EQ(EdhocErrorMessage::parse(answer.error().reply)->code, 1);
}

}  // namespace causeway::secure::edhoc_trace_test
