#include "net/private_key.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/stream.h"

namespace holdfast::net {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
struct EncryptedFree {
  void operator()(X509_SIG* key) const { X509_SIG_free(key); }
};
struct DecryptedFree {
  void operator()(PKCS8_PRIV_KEY_INFO* key) const { PKCS8_PRIV_KEY_INFO_free(key); }
};
struct ContextFree {
  void operator()(OSSL_LIB_CTX* context) const { OSSL_LIB_CTX_free(context); }
};
struct ProviderFree {
  void operator()(OSSL_PROVIDER* provider) const { OSSL_PROVIDER_unload(provider); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;
using EncryptedPtr = std::unique_ptr<X509_SIG, EncryptedFree>;
using DecryptedPtr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, DecryptedFree>;
using ContextPtr = std::unique_ptr<OSSL_LIB_CTX, ContextFree>;
using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, ProviderFree>;

struct Password {
  const std::string& text;
  bool asked = false;
};

// No password given is a wrong password.
int give_password(char* buffer, int size, int /*writing*/, void* from) {
  auto& password = *static_cast<Password*>(from);
  password.asked = true;
  if (password.text.empty() || password.text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password.text.data(), password.text.size());
  return static_cast<int>(password.text.size());
}

// How it is encrypted, as "pbeWithSHA1And128BitRC4".
std::string encryption(const X509_SIG& key) {
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(&key, &algorithm, nullptr);
  char name[80];
  OBJ_obj2txt(name, sizeof name, algorithm->algorithm, 0);
  return name;
}

// The key in `key` as OpenSSL's legacy provider opens it. Null: it does not. The key that is made belongs to the default providers, as all others.
PrivateKeyPtr open_legacy(const X509_SIG& key, const std::string& password, bool& has_provider) {
  const ContextPtr context(OSSL_LIB_CTX_new());
  const ProviderPtr standard(OSSL_PROVIDER_load(context.get(), "default"));
  const ProviderPtr legacy(OSSL_PROVIDER_load(context.get(), "legacy"));
  has_provider = standard != nullptr && legacy != nullptr;
  if (!has_provider) return nullptr;
  const DecryptedPtr decrypted(PKCS8_decrypt_ex(&key, password.data(), static_cast<int>(password.size()), context.get(), nullptr));
  return PrivateKeyPtr(decrypted != nullptr ? EVP_PKCS82PKEY(decrypted.get()) : nullptr);
}

}  // namespace

Result<PrivateKeyPtr> read_private_key(const std::string& path, const std::string& password) {
  const auto cannot = [&](const std::string& why) {
    ERR_clear_error();
    return fail(ErrorCode::Invalid, "cannot use key file " + path + ": " + why);
  };
  // OpenSSL's own words for a missing file are "system lib".
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return cannot(error_text(errno));
  const BioPtr file(BIO_new_fd(fd.get(), BIO_NOCLOSE));
  Password given{password};
  ERR_clear_error();
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, give_password, &given));
  if (key != nullptr) return key;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  const std::string why = reason != nullptr ? reason : "unknown reason";
  if (!given.asked) return cannot("no PEM private key could be read from it (" + why + ")");
  if (password.empty()) return cannot("it is encrypted, and no password is given");

  const BioPtr again(::lseek(fd.get(), 0, SEEK_SET) == 0 ? BIO_new_fd(fd.get(), BIO_NOCLOSE) : nullptr);
  const EncryptedPtr encrypted(again != nullptr ? PEM_read_bio_PKCS8(again.get(), nullptr, nullptr, nullptr) : nullptr);
  if (encrypted == nullptr) return cannot("the password given does not open it (" + why + ")");
  bool has_provider = false;
  key = open_legacy(*encrypted, password, has_provider);
  ERR_clear_error();
  if (key != nullptr) return key;
  if (has_provider) return cannot("the password given does not open it (" + encryption(*encrypted) + ")");
  return cannot("the password given does not open it, or its encryption (" + encryption(*encrypted) +
                ") needs OpenSSL's legacy provider, which is not installed");
}

}  // namespace holdfast::net
