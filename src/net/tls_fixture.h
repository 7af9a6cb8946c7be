// TlsTest: a NetTest with certificates: a CA, servers and clients it knows, strangers.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "net/net_fixture.h"

namespace holdfast::net {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertFree {
  void operator()(X509* cert) const { X509_free(cert); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;
using CertPtr = std::unique_ptr<X509, CertFree>;

struct Identity {
  KeyPtr key;
  CertPtr cert;
};

inline void add_extension(X509* cert, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate signed by `issuer`, or by itself: then it is a CA.
inline Identity make_identity(const char* name, const char* alternative_names, const Identity* issuer) {
  static long serial = 1;
  Identity out{KeyPtr(EVP_EC_gen("P-256")), CertPtr(X509_new())};
  X509* cert = out.cert.get();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, out.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const issuer_cert = issuer != nullptr ? issuer->cert.get() : cert;
  X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert));
  if (issuer == nullptr) add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  if (alternative_names != nullptr) add_extension(cert, issuer_cert, NID_subject_alt_name, alternative_names);
  EXPECT_GT(X509_sign(cert, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256()), 0);
  return out;
}

class TlsTest : public NetTest {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "hf_tls_" + std::to_string(::getpid()) + "/";
    std::filesystem::create_directories(folder_);
    ca_ = make_identity("test ca", nullptr, nullptr);
    other_ca_ = make_identity("other ca", nullptr, nullptr);
    write_cert("ca.pem", ca_);
    write_cert("other_ca.pem", other_ca_);
    const Identity server = make_identity("server", "DNS:localhost,IP:127.0.0.1", &ca_);
    write_cert("server.pem", server);
    write_key("server.key", server, "");
    const Identity elsewhere = make_identity("elsewhere", "DNS:elsewhere.example", &ca_);
    write_cert("elsewhere.pem", elsewhere);
    write_key("elsewhere.key", elsewhere, "");
    const Identity client = make_identity("client", nullptr, &ca_);
    write_cert("client.pem", client);
    write_key("client.key", client, "");
    write_key("client_encrypted.key", client, "open sesame");
    const Identity stranger = make_identity("stranger", nullptr, &other_ca_);
    write_cert("stranger.pem", stranger);
    write_key("stranger.key", stranger, "");
    std::ofstream(file("garbage.pem")) << "this is not a certificate\n";
  }
  void TearDown() override {
    NetTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name) const { return folder_ + name; }
  void write_cert(const std::string& name, const Identity& identity) {
    std::FILE* out = std::fopen(file(name).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_X509(out, identity.cert.get()), 1);
    std::fclose(out);
  }
  void write_key(const std::string& name, const Identity& identity, const std::string& password) {
    std::FILE* out = std::fopen(file(name).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_PKCS8PrivateKey(out, identity.key.get(), password.empty() ? nullptr : EVP_aes_256_cbc(),
                                        password.empty() ? nullptr : password.data(), static_cast<int>(password.size()), nullptr, nullptr),
              1);
    std::fclose(out);
  }

  // Encrypted with a PBES1 algorithm, as old tools do.
  void write_legacy_key(const std::string& name, const Identity& identity, int algorithm, const std::string& password) {
    const std::unique_ptr<OSSL_LIB_CTX, decltype(&OSSL_LIB_CTX_free)> context(OSSL_LIB_CTX_new(), OSSL_LIB_CTX_free);
    OSSL_PROVIDER* standard = OSSL_PROVIDER_load(context.get(), "default");
    OSSL_PROVIDER* legacy = OSSL_PROVIDER_load(context.get(), "legacy");
    ASSERT_TRUE(standard != nullptr && legacy != nullptr);
    PKCS8_PRIV_KEY_INFO* plain = EVP_PKEY2PKCS8(identity.key.get());
    X509_SIG* encrypted = PKCS8_encrypt_ex(algorithm, nullptr, password.data(), static_cast<int>(password.size()), nullptr, 0, 2048, plain,
                                           context.get(), nullptr);
    ASSERT_NE(encrypted, nullptr) << OBJ_nid2sn(algorithm);
    std::FILE* out = std::fopen(file(name).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_PKCS8(out, encrypted), 1);
    std::fclose(out);
    X509_SIG_free(encrypted);
    PKCS8_PRIV_KEY_INFO_free(plain);
    OSSL_PROVIDER_unload(legacy);
    OSSL_PROVIDER_unload(standard);
  }

  void serve_tls(const std::string& name = "server", const std::string& client_ca = "", HttpLimits limits = {}) {
    auto context = load_tls_server({file(name + ".pem"), file(name + ".key"), "", client_ca.empty() ? "" : file(client_ca)});
    ASSERT_TRUE(context) << context.error().message;
    ListenSpec spec;
    spec.tls = *context;
    serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::move(request.body)}); }, limits, spec);
  }
  HttpClient& connect_tls(const TlsClientFiles& files, const std::string& host = "127.0.0.1") {
    auto context = load_tls_client(files);
    if (!context) ADD_FAILURE() << context.error().message;
    ClientOptions options;
    options.tls = *context;
    Url origin = url(true);
    origin.host = host;
    return connect(origin, options);
  }
  TlsClientFiles trusting(const std::string& ca) const { return {file(ca), "", "", ""}; }
  TlsClientFiles showing(const std::string& who, const std::string& key, const std::string& password = "") const {
    return {file("ca.pem"), file(who + ".pem"), file(key), password};
  }

  std::string folder_;
  Identity ca_;
  Identity other_ca_;
};

}  // namespace holdfast::net
