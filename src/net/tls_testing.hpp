#pragma once
// For tests of TLS: an authority, and certificates that it signs, as files in a folder.
#include "net/testing.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace causeway::net::testing {

/// A certificate and its key.
struct Pair {
    std::string certificate;
    std::string key;
};

class Authority {
public:
    Authority(const Folder& folder, const std::string& name) : folder_(folder), name_(name) {
        key_ = EVP_EC_gen("P-256");
        certificate_ = make(name, {}, key_);
        save_certificates(file(), {certificate_});
    }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    ~Authority() {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }

    [[nodiscard]] std::string file() const { return folder_ / (name_ + "-ca.pem"); }

    /// `names` as a certificate has them: "DNS:localhost,IP:127.0.0.1".
    /// `lasts`: seconds from now; it is an hour old.
    Pair issue(const std::string& common_name, const std::string& names = {}, long lasts = 86'400) {
        const Pair pair{folder_ / (name_ + "-" + common_name + ".pem"),
                        folder_ / (name_ + "-" + common_name + ".key")};
        EVP_PKEY* const key = EVP_EC_gen("P-256");
        X509* const made = make(common_name, names, key, lasts);
        save_certificates(pair.certificate, {made, certificate_});
        std::FILE* const out = std::fopen(pair.key.c_str(), "w");
        PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
        X509_free(made);
        EVP_PKEY_free(key);
        return pair;
    }

private:
    X509* make(const std::string& common_name, const std::string& names, EVP_PKEY* key,
               long lasts = 86'400) {
        X509* const made = X509_new();
        X509_set_version(made, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(made), -3'600);
        X509_gmtime_adj(X509_getm_notAfter(made), lasts);
        X509_set_pubkey(made, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0);
        X509* const issuer = certificate_ == nullptr ? made : certificate_;
        X509_set_issuer_name(made, X509_get_subject_name(issuer));
        add(made, issuer, NID_basic_constraints,
            certificate_ == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
        if (!names.empty()) add(made, issuer, NID_subject_alt_name, names.c_str());
        X509_sign(made, key_, EVP_sha256());
        return made;
    }
    static void add(X509* to, X509* issuer, int what, const char* value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
        X509_add_ext(to, extension, -1);
        X509_EXTENSION_free(extension);
    }
    static void save_certificates(const std::string& file, std::initializer_list<X509*> list) {
        std::FILE* const out = std::fopen(file.c_str(), "w");
        for (X509* certificate : list) PEM_write_X509(out, certificate);
        std::fclose(out);
    }

    const Folder& folder_;
    std::string name_;
    EVP_PKEY* key_ = nullptr;
    X509* certificate_ = nullptr;
    long serial_ = 0;
};

inline void write_file(const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
}

}  // namespace causeway::net::testing
