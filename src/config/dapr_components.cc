// kind: Component and kind: HTTPEndpoint.
#include "config/dapr_values.h"
#include "config/edge_formats.h"
#include "model/dapr_values.h"

namespace holdfast::config {
namespace {

// Everything that is not `spec`.
template <typename T>
void read_envelope(MapReader& document, T& out) {
  (void)document.find("apiVersion");
  (void)document.find("kind");
  // Labels and annotations are nobody's business here, so no finish().
  if (auto metadata = document.required_map("metadata", Extras::Ignored, "a map with the name")) {
    metadata->required("name", resource_name(), out.name);
    metadata->optional("namespace", any_text("a namespace"), out.name_space);
  }
  if (auto auth = document.map("auth", Extras::Ignored)) {
    auth->optional("secretStore", any_text("the name of a secret store"), out.secret_store);
    auth->finish();
  }
  read_texts(document, "scopes", out.scopes);
  out.place = {document.file().name, document.mark().line};
}

void read_pem(MapReader& tls, std::string_view key, model::DaprHttpEndpoint::Pem& out) {
  auto pem = tls.map(key, Extras::Ignored);
  if (!pem) return;
  if (const Node* value = pem->find("value")) out.value = dapr_text(*value);
  if (auto reference = pem->map("secretKeyRef", Extras::Ignored)) {
    reference->optional("name", any_text("the name of a secret"), out.secret_name);
    reference->optional("key", any_text("the name of a key"), out.secret_key);
    reference->finish();
  }
  pem->finish();
}

}  // namespace

void read_dapr_component(MapReader& document, model::DaprComponent& out) {
  read_envelope(document, out);
  if (auto spec = document.map("spec", Extras::Ignored)) {
    // A component without a type is refused by whoever makes components, as one with a type that there is not.
    spec->optional("type", any_text("the type of the component, as state.redis"), out.type);
    spec->optional("version", any_text("a version, as v1"), out.version);
    spec->optional("ignoreErrors", boolean(), out.ignore_errors);
    if (spec->has("initTimeout")) {
      std::string written;
      spec->optional("initTimeout", any_text("a duration"), written);
      const auto timeout = model::parse_go_duration(written);
      if (timeout && timeout->ms > 0)
        out.init_timeout = *timeout;
      else if (!written.empty())
        spec->warning("initTimeout", "a duration, as 5s", spec->written("initTimeout"), "it is 5s");
    }
    read_properties(*spec, "metadata", out.metadata);
    spec->finish();
  }
  document.finish();
}

void read_dapr_http_endpoint(MapReader& document, model::DaprHttpEndpoint& out) {
  read_envelope(document, out);
  if (auto spec = document.required_map("spec", Extras::Ignored)) {
    spec->required("baseUrl", http_url(), out.base_url);
    read_properties(*spec, "headers", out.headers);
    if (auto tls = spec->map("clientTLS", Extras::Ignored)) {
      read_pem(*tls, "rootCA", out.root_ca);
      read_pem(*tls, "certificate", out.certificate);
      read_pem(*tls, "privateKey", out.private_key);
      (void)tls->find("renegotiation");  // Nobody renegotiates any more.
      tls->finish();
    }
    spec->finish();
  }
  document.finish();
}

}  // namespace holdfast::config
