#include "nats/tls_options.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "nats/connection.h"

namespace holdfast::nats {
namespace {

bool wants_tls(const model::NatsConnection& spec) {
  return !spec.tls.trust_cacerts.empty() || !spec.tls.client_cert.empty() ||
         std::ranges::any_of(spec.servers, [](const auto& server) { return server.starts_with("tls://"); });
}

Result<void> apply(natsOptions* options, const model::TlsSpec& tls) {
  if (const auto status = natsOptions_SetSecure(options, true); status != NATS_OK)
    return fail(ErrorCode::Invalid, describe("TLS", status));
  if (!tls.trust_cacerts.empty())
    if (const auto status = natsOptions_LoadCATrustedCertificates(options, tls.trust_cacerts.c_str()); status != NATS_OK)
      return fail(ErrorCode::Invalid, describe("trust_cacerts " + tls.trust_cacerts, status));
  if (!tls.client_key_password_file.empty())
    return fail(ErrorCode::Invalid, "client_key_password_file: NATS clients take keys without a password only");
  if (tls.client_cert.empty() != tls.client_key.empty())
    return fail(ErrorCode::Invalid, "client_cert and client_key go together, and only one of them is given");
  if (!tls.client_cert.empty())
    if (const auto status = natsOptions_LoadCertificatesChain(options, tls.client_cert.c_str(), tls.client_key.c_str());
        status != NATS_OK)
      return fail(ErrorCode::Invalid, describe("client_cert " + tls.client_cert + " with client_key " + tls.client_key, status));
  return {};
}

}  // namespace

TlsOptions::TlsOptions(const model::NatsConnection& spec, std::string edge)
    : spec_(spec.tls),
      wanted_(wants_tls(spec)),
      edge_(std::move(edge)),
      files_({spec.tls.trust_cacerts, spec.tls.client_cert, spec.tls.client_key}),
      looked_us_(monotonic_us()) {}

Result<TlsOptions::OptionsPtr> TlsOptions::read() const {
  natsOptions* made = nullptr;
  if (const auto status = natsOptions_Create(&made); status != NATS_OK) return fail(ErrorCode::Io, describe("options", status));
  OptionsPtr options(made);
  if (auto applied = apply(options.get(), spec_); !applied) return fail(std::move(applied.error()));
  return options;
}

Result<void> TlsOptions::renew() {
  auto options = read();
  if (!options) return fail(std::move(options.error()));
  good_ = std::move(*options);
  return {};
}

Result<natsOptions*> TlsOptions::current() {
  if (good_) {
    looked_us_ = 0;
    static_cast<void>(look());
  } else if (auto made = renew(); !made) {
    return fail(std::move(made.error()));
  }
  return good_.get();
}

bool TlsOptions::look() {
  const std::uint64_t now = monotonic_us();
  if (!good_ || (looked_us_ != 0 && now - looked_us_ < static_cast<std::uint64_t>(kWatchInterval.ms) * 1000)) return false;
  looked_us_ = now;
  if (!files_.changed()) return false;
  if (const auto renewed = renew(); !renewed) {
    log_error("new TLS files cannot be used, those of before stay", {{"edge", edge_}, {"error", renewed.error().message}});
    return false;
  }
  log_info("new TLS files are used for new connections", {{"edge", edge_}});
  return true;
}

}  // namespace holdfast::nats
