// Private keys from PEM files.
//
// PKCS #8 or older, encrypted or not. Files made for StateFun are often encrypted in ways of the last century (PBES1 with RC4 or DES, as its
// own documentation makes them), which OpenSSL keeps in a provider of its own: that is loaded for such a file alone, and nothing else of this
// process can use what is in it.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::net {

struct PrivateKeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, PrivateKeyFree>;

// An empty password is none. Never asks on a terminal. Errors name the file.
[[nodiscard]] Result<PrivateKeyPtr> read_private_key(const std::string& path, const std::string& password);

}  // namespace holdfast::net
