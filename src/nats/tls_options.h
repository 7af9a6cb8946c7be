// TlsOptions: the TLS files of an edge, as they were read last, for each connection that it makes.
//
// Certificates are rotated while we run. The client library reads them once for each connection, and connects again by itself with what it read
// then; so the files are watched here, and whoever owns a connection makes another one where it is lost and there are newer files. Files that
// cannot be used are refused, with a line in the log, and those of before stay. One thread.
#pragma once

#include <nats/nats.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/watched_files.h"
#include "model/edges.h"

namespace holdfast::nats {

class TlsOptions {
 public:
  TlsOptions(const model::NatsConnection& spec, std::string edge);

  // Whether the connection is to use TLS at all.
  [[nodiscard]] bool wanted() const { return wanted_; }
  // Options of the library that are TLS's alone, as the files are; valid until the next call. Invalid: they cannot be used, and never could.
  [[nodiscard]] Result<natsOptions*> current();
  // Looks at the files, each kWatchInterval at most. True: there are others now, and they can be used.
  [[nodiscard]] bool look();

 private:
  struct Deleter {
    void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  };
  using OptionsPtr = std::unique_ptr<natsOptions, Deleter>;

  [[nodiscard]] Result<OptionsPtr> read() const;
  [[nodiscard]] Result<void> renew();

  const model::TlsSpec spec_;
  const bool wanted_;
  const std::string edge_;  // For people.
  WatchedFiles files_;
  OptionsPtr good_;
  std::uint64_t looked_us_ = 0;
};

}  // namespace holdfast::nats
