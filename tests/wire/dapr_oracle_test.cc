// Dapr's messages against libprotobuf, which reads their numbers from dapr/*.proto: random messages are read and written again to the very
// same bytes, and for each message one example says which member is which field.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "base/check.h"
#include "codec/dapr_messages.h"
#include "dice.h"

namespace holdfast::codec::dapr {
namespace {

namespace pb = google::protobuf;

// The messages of dapr/*.proto.
class Protos {
 public:
  Protos() {
    pb::FileDescriptorSet set;
    std::ifstream in(DAPR_DESCRIPTORS, std::ios::binary);
    EXPECT_TRUE(set.ParseFromIstream(&in)) << DAPR_DESCRIPTORS;
    for (const auto& file : set.file()) EXPECT_NE(pool_.BuildFile(file), nullptr) << file.name();
  }
  std::unique_ptr<pb::Message> make(const std::string& name) {
    const auto* type = pool_.FindMessageTypeByName(name);
    HOLDFAST_CHECK(type != nullptr);
    return std::unique_ptr<pb::Message>(factory_.GetPrototype(type)->New());
  }

 private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
};

Protos& protos() {
  static Protos all;
  return all;
}

std::string serialized(const pb::Message& message) {
  std::string out;
  pb::io::StringOutputStream stream(&out);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

void fill(pb::Message& message, Dice& dice);

void fill_one(pb::Message& message, const pb::FieldDescriptor* field, Dice& dice) {
  const auto* reflection = message.GetReflection();
  const bool many = field->is_repeated();
  using Type = pb::FieldDescriptor;
  switch (field->type()) {
    case Type::TYPE_STRING:
    case Type::TYPE_BYTES: {
      auto text = field->type() == Type::TYPE_STRING ? dice.text() : dice.bytes();
      if (many) reflection->AddString(&message, field, std::move(text));
      else reflection->SetString(&message, field, std::move(text));
      return;
    }
    case Type::TYPE_INT32: reflection->SetInt32(&message, field, static_cast<std::int32_t>(dice.number())); return;
    case Type::TYPE_UINT64: reflection->SetUInt64(&message, field, static_cast<std::uint64_t>(dice.number())); return;
    case Type::TYPE_BOOL: reflection->SetBool(&message, field, dice.coin()); return;
    case Type::TYPE_ENUM: {
      const auto count = static_cast<std::size_t>(field->enum_type()->value_count());
      reflection->SetEnumValue(&message, field, static_cast<int>(dice.below(count)));
      return;
    }
    case Type::TYPE_MESSAGE: {
      auto* inner = many ? reflection->AddMessage(&message, field) : reflection->MutableMessage(&message, field);
      fill(*inner, dice);
      // What is there and empty is told from what is not there where it matters, which has tests of its own.
      if (!many && inner->ByteSizeLong() == 0) reflection->ClearField(&message, field);
      return;
    }
    default: FAIL() << field->full_name();
  }
}

void fill_map(pb::Message& message, const pb::FieldDescriptor* field, Dice& dice) {
  std::set<std::string> keys;
  for (std::size_t i = dice.below(4); i-- > 0;) keys.insert(dice.text());
  for (const auto& key : keys) {  // In order, as deterministic bytes have it.
    auto* entry = message.GetReflection()->AddMessage(&message, field);
    entry->GetReflection()->SetString(entry, entry->GetDescriptor()->map_key(), key);
    const auto* value = entry->GetDescriptor()->map_value();
    if (value->type() == pb::FieldDescriptor::TYPE_STRING) entry->GetReflection()->SetString(entry, value, dice.text());
    else fill(*entry->GetReflection()->MutableMessage(entry, value), dice);
  }
}

void fill(pb::Message& message, Dice& dice) {
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->is_map()) fill_map(message, field, dice);
    else if (field->is_repeated())
      for (std::size_t n = dice.below(4); n-- > 0;) fill_one(message, field, dice);
    else if (dice.below(4) != 0) fill_one(message, field, dice);
  }
}

// Of entries with one key the last counts, which a dynamic message leaves to its reader.
void forget_earlier_entries(pb::Message& message, const pb::FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  std::set<std::string> later;
  for (int i = reflection->FieldSize(message, field); i-- > 0;) {
    const auto& entry = reflection->GetRepeatedMessage(message, field, i);
    if (later.insert(entry.GetReflection()->GetString(entry, field->message_type()->map_key())).second) continue;
    reflection->SwapElements(&message, field, i, reflection->FieldSize(message, field) - 1);
    reflection->RemoveLast(&message, field);
  }
}

// Numbers of enums that nobody knows: we have no word for them.
void normalize(pb::Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->type() == pb::FieldDescriptor::TYPE_ENUM) {
      if (field->enum_type()->FindValueByNumber(reflection->GetEnumValue(message, field)) == nullptr)
        reflection->ClearField(&message, field);
    } else if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE && field->is_repeated()) {
      if (field->is_map()) forget_earlier_entries(message, field);
      for (int i = 0; i < reflection->FieldSize(message, field); ++i)
        normalize(*reflection->MutableRepeatedMessage(&message, field, i));
    } else if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
      normalize(*reflection->MutableMessage(&message, field));
    }
  }
}

constexpr int kMessageRounds = 300;

template <typename Message>
void expect_same_bytes(const std::string& name) {
  const pb::LogSilencer quiet;
  for (unsigned seed = 0; seed < kMessageRounds; ++seed) {
    Dice dice(seed);
    auto oracle = protos().make(name);
    fill(*oracle, dice);
    std::string bytes = serialized(*oracle);
    const auto ours = read<Message>(bytes);
    ASSERT_TRUE(ours.has_value()) << name << " seed " << seed << ": " << ours.error().message;
    ASSERT_EQ(write(*ours), bytes) << name << " seed " << seed << ": " << oracle->ShortDebugString();

    // Refused when libprotobuf refuses, or for a group; else read as the same.
    damage(bytes, dice);
    const auto damaged = read<Message>(bytes);
    auto theirs = protos().make(name);
    const bool taken = theirs->ParseFromString(bytes);
    if (!damaged) {
      ASSERT_TRUE(!taken || damaged.error().message.find("wire type") != std::string::npos) << name << " seed " << seed << ": "
                                                                                          << damaged.error().message;
      continue;
    }
    ASSERT_TRUE(taken) << name << " seed " << seed;
    auto back = protos().make(name);
    ASSERT_TRUE(back->ParseFromString(write(*damaged))) << name << " seed " << seed;
    theirs->DiscardUnknownFields();
    normalize(*theirs);
    normalize(*back);
    ASSERT_TRUE(pb::util::MessageDifferencer::Equivalent(*theirs, *back))
        << name << " seed " << seed << ": " << theirs->ShortDebugString() << "\n" << back->ShortDebugString();
  }
}

const std::string kCommon = "dapr.proto.common.v1.", kRuntime = "dapr.proto.runtime.v1.", kInternals = "dapr.proto.internals.v1.",
                  kRpc = "google.rpc.";

TEST(DaprOracle, RandomMessagesAreWrittenAgainToTheSameBytes) {
  expect_same_bytes<InvokeRequest>(kCommon + "InvokeRequest");
  expect_same_bytes<InvokeResponse>(kCommon + "InvokeResponse");
  expect_same_bytes<Empty>(kRuntime + "Empty");
  expect_same_bytes<GetStateRequest>(kRuntime + "GetStateRequest");
  expect_same_bytes<GetStateResponse>(kRuntime + "GetStateResponse");
  expect_same_bytes<GetBulkStateRequest>(kRuntime + "GetBulkStateRequest");
  expect_same_bytes<GetBulkStateResponse>(kRuntime + "GetBulkStateResponse");
  expect_same_bytes<SaveStateRequest>(kRuntime + "SaveStateRequest");
  expect_same_bytes<DeleteStateRequest>(kRuntime + "DeleteStateRequest");
  expect_same_bytes<DeleteBulkStateRequest>(kRuntime + "DeleteBulkStateRequest");
  expect_same_bytes<ExecuteStateTransactionRequest>(kRuntime + "ExecuteStateTransactionRequest");
  expect_same_bytes<QueryStateRequest>(kRuntime + "QueryStateRequest");
  expect_same_bytes<QueryStateResponse>(kRuntime + "QueryStateResponse");
  expect_same_bytes<InvokeServiceRequest>(kRuntime + "InvokeServiceRequest");
  expect_same_bytes<GetSecretRequest>(kRuntime + "GetSecretRequest");
  expect_same_bytes<GetSecretResponse>(kRuntime + "GetSecretResponse");
  expect_same_bytes<GetBulkSecretRequest>(kRuntime + "GetBulkSecretRequest");
  expect_same_bytes<GetBulkSecretResponse>(kRuntime + "GetBulkSecretResponse");
  expect_same_bytes<GetMetadataResponse>(kRuntime + "GetMetadataResponse");
  expect_same_bytes<SetMetadataRequest>(kRuntime + "SetMetadataRequest");
  expect_same_bytes<InternalInvokeRequest>(kInternals + "InternalInvokeRequest");
  expect_same_bytes<InternalInvokeResponse>(kInternals + "InternalInvokeResponse");
  expect_same_bytes<InternalInvokeRequestStream>(kInternals + "InternalInvokeRequestStream");
  expect_same_bytes<InternalInvokeResponseStream>(kInternals + "InternalInvokeResponseStream");
  expect_same_bytes<Status>(kInternals + "Status");
  expect_same_bytes<Status>(kRpc + "Status");
  expect_same_bytes<ErrorInfo>(kRpc + "ErrorInfo");
  expect_same_bytes<ResourceInfo>(kRpc + "ResourceInfo");
  expect_same_bytes<BadRequest>(kRpc + "BadRequest");
  expect_same_bytes<Help>(kRpc + "Help");
}

// Our message is what the text says it is.
template <typename Message>
void expect_text(const std::string& name, const std::string& text, const Message& message) {
  auto oracle = protos().make(name);
  ASSERT_TRUE(pb::TextFormat::ParseFromString(text, oracle.get())) << name;
  auto ours = protos().make(name);
  ASSERT_TRUE(ours->ParseFromString(write(message))) << name;
  EXPECT_EQ(ours->DebugString(), oracle->DebugString()) << name;
}

const StateItem kItem{.key = "k", .value = "v", .etag = "e", .metadata = {{"a", "b"}}, .options = {"first-write", "strong"}, .content_type = ""};
const std::string kItemText =
    "key: 'k' value: 'v' etag { value: 'e' } metadata { key: 'a' value: 'b' } "
    "options { concurrency: CONCURRENCY_FIRST_WRITE consistency: CONSISTENCY_STRONG }";
const std::string kMapText = "metadata { key: 'a' value: 'b' } ";

TEST(DaprOracle, EveryMemberIsTheFieldOfItsName) {
  expect_text(kRuntime + "GetStateRequest", "store_name: 's' key: 'k' consistency: CONSISTENCY_EVENTUAL " + kMapText,
              GetStateRequest{.store_name = "s", .key = "k", .consistency = "eventual", .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "GetStateResponse", "data: 'd' etag: 'e' " + kMapText,
              GetStateResponse{.data = "d", .etag = "e", .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "GetBulkStateRequest", "store_name: 's' keys: 'k' keys: '' parallelism: -3 " + kMapText,
              GetBulkStateRequest{.store_name = "s", .keys = {"k", ""}, .parallelism = -3, .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "GetBulkStateResponse", "items { key: 'k' data: 'd' etag: 'e' error: 'x' " + kMapText + "}",
              GetBulkStateResponse{{{.key = "k", .data = "d", .etag = "e", .error = "x", .metadata = {{"a", "b"}}}}});
  expect_text(kRuntime + "SaveStateRequest", "store_name: 's' states { " + kItemText + " }",
              SaveStateRequest{.store_name = "s", .states = {kItem}});
  expect_text(kRuntime + "DeleteStateRequest",
              "store_name: 's' key: 'k' etag { value: 'e' } options { concurrency: CONCURRENCY_LAST_WRITE } " + kMapText,
              DeleteStateRequest{.store_name = "s", .key = "k", .etag = "e", .options = {"last-write", ""}, .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "DeleteBulkStateRequest", "store_name: 's' states { " + kItemText + " }",
              DeleteBulkStateRequest{.store_name = "s", .states = {kItem}});
  expect_text(kRuntime + "ExecuteStateTransactionRequest",
              "storeName: 's' operations { operationType: 'o' request { " + kItemText + " } } " + kMapText,
              ExecuteStateTransactionRequest{.store_name = "s", .operations = {{"o", kItem}}, .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "QueryStateRequest", "store_name: 's' query: 'q' " + kMapText,
              QueryStateRequest{.store_name = "s", .query = "q", .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "QueryStateResponse", "results { key: 'k' data: 'd' etag: 'e' error: 'x' } token: 't' " + kMapText,
              QueryStateResponse{.results = {{"k", "d", "e", "x"}}, .token = "t", .metadata = {{"a", "b"}}});
  expect_text(kRuntime + "InvokeServiceRequest",
              "id: 'i' message { method: 'm' data { type_url: 't' value: 'v' } content_type: 'c' "
              "http_extension { verb: PATCH querystring: 'q' } }",
              InvokeServiceRequest{"i", InvokeRequest{"m", Any{"t", "v"}, "c", HttpExtension{"PATCH", "q"}}});
  expect_text(kCommon + "InvokeResponse", "data { type_url: 't' value: 'v' } content_type: 'c'", InvokeResponse{Any{"t", "v"}, "c"});
  expect_text(kRuntime + "GetSecretRequest", "store_name: 's' key: 'k' " + kMapText, GetSecretRequest{"s", "k", {{"a", "b"}}});
  expect_text(kRuntime + "GetSecretResponse", "data { key: 'a' value: 'b' }", GetSecretResponse{{{"a", "b"}}});
  expect_text(kRuntime + "GetBulkSecretRequest", "store_name: 's' " + kMapText, GetBulkSecretRequest{"s", {{"a", "b"}}});
  expect_text(kRuntime + "GetBulkSecretResponse", "data { key: 'k' value { secrets { key: 'a' value: 'b' } } }",
              GetBulkSecretResponse{{{"k", {{{"a", "b"}}}}}});
  expect_text(kRuntime + "SetMetadataRequest", "key: 'k' value: 'v'", SetMetadataRequest{"k", "v"});
  expect_text(kRpc + "Status", "code: 3 message: 'm' details { type_url: 't' value: 'v' }", Status{3, "m", {{"t", "v"}}});
  expect_text(kRpc + "ErrorInfo", "reason: 'r' domain: 'd' " + kMapText, ErrorInfo{"r", "d", {{"a", "b"}}});
  expect_text(kRpc + "ResourceInfo", "resource_type: 't' resource_name: 'n' owner: 'o' description: 'd'", ResourceInfo{"t", "n", "o", "d"});
  expect_text(kRpc + "BadRequest", "field_violations { field: 'f' description: 'd' }", BadRequest{{{"f", "d"}}});
  expect_text(kRpc + "Help", "links { description: 'd' url: 'u' }", Help{{{"d", "u"}}});
}

TEST(DaprOracle, EveryMemberOfMetadataIsTheFieldOfItsName) {
  GetMetadataResponse m;
  m.id = "i";
  m.active_actors_count = {{"t", 2}};
  m.registered_components = {{"n", "t", "v", {"c"}}};
  m.extended_metadata = {{"a", "b"}};
  m.subscriptions = {{"p", "t", {{"a", "b"}}, {{{"m", "/p"}}}, "d", "STREAMING"}};
  m.http_endpoints = {{"h"}};
  m.app_connection_properties = AppConnectionProperties{1, "p", "a", 2, AppConnectionHealthProperties{"/h", "1s", "2s", 3}};
  m.runtime_version = "v";
  m.enabled_features = {"f"};
  m.actor_runtime = ActorRuntime{"RUNNING", {{"t", 2}}, true, "p"};
  m.scheduler = MetadataScheduler{{"s"}};
  m.workflows = MetadataWorkflows{4};
  m.mcp_servers = {{"x"}};
  m.workflow_access_policies = {{"y"}};
  m.resiliencies = {{"z"}};
  expect_text(kRuntime + "GetMetadataResponse",
              R"(id: 'i' active_actors_count { type: 't' count: 2 }
                 registered_components { name: 'n' type: 't' version: 'v' capabilities: 'c' }
                 extended_metadata { key: 'a' value: 'b' }
                 subscriptions { pubsub_name: 'p' topic: 't' metadata { key: 'a' value: 'b' }
                                 rules { rules { match: 'm' path: '/p' } } dead_letter_topic: 'd' type: STREAMING }
                 http_endpoints { name: 'h' }
                 app_connection_properties { port: 1 protocol: 'p' channel_address: 'a' max_concurrency: 2
                   health { health_check_path: '/h' health_probe_interval: '1s' health_probe_timeout: '2s' health_threshold: 3 } }
                 runtime_version: 'v' enabled_features: 'f'
                 actor_runtime { runtime_status: RUNNING active_actors { type: 't' count: 2 } host_ready: true placement: 'p' }
                 scheduler { connected_addresses: 's' } workflows { connected_workers: 4 }
                 mcp_servers { name: 'x' } workflow_access_policies { name: 'y' } resiliencies { name: 'z' })",
              m);
}

TEST(DaprOracle, EveryMemberBetweenSidecarsIsTheFieldOfItsName) {
  const InternalInvokeRequest request{1, {{"h", {{"1", "2"}}}}, InvokeRequest{"m", {}, "", {}}, Actor{"t", "i"}};
  const std::string request_text =
      "ver: V1 metadata { key: 'h' value { values: '1' values: '2' } } message { method: 'm' } actor { actor_type: 't' actor_id: 'i' }";
  expect_text(kInternals + "InternalInvokeRequest", request_text, request);
  const InternalInvokeResponse response{Status{200, "OK", {}}, {{"h", {{"1"}}}}, {{"t", {{"2"}}}}, InvokeResponse{{}, "c"}};
  const std::string response_text =
      "status { code: 200 message: 'OK' } headers { key: 'h' value { values: '1' } } "
      "trailers { key: 't' value { values: '2' } } message { content_type: 'c' }";
  expect_text(kInternals + "InternalInvokeResponse", response_text, response);
  expect_text(kInternals + "InternalInvokeRequestStream", "request { " + request_text + " } payload { data: 'd' seq: 7 }",
              InternalInvokeRequestStream{request, StreamPayload{"d", 7}});
  expect_text(kInternals + "InternalInvokeResponseStream", "response { " + response_text + " } payload { data: 'd' seq: 7 }",
              InternalInvokeResponseStream{response, StreamPayload{"d", 7}});
}

TEST(DaprOracle, WhatIsThereAndEmptyIsToldFromWhatIsNot) {
  expect_text(kCommon + "InvokeRequest", "data { } http_extension { }", InvokeRequest{"", Any{}, "", HttpExtension{}});
  expect_text(kCommon + "InvokeRequest", "", InvokeRequest{});
  expect_text(kInternals + "InternalInvokeRequest", "message { }", InternalInvokeRequest{0, {}, InvokeRequest{}, {}});
  expect_text(kInternals + "InternalInvokeResponseStream", "payload { }", InternalInvokeResponseStream{{}, StreamPayload{}});
  expect_text(kRuntime + "GetMetadataResponse", "actor_runtime { } scheduler { }", [] {
    GetMetadataResponse m;
    m.actor_runtime.emplace();
    m.scheduler.emplace();
    return m;
  }());
  const auto back = read<InvokeRequest>(write(InvokeRequest{"", Any{}, "", HttpExtension{}}));
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->data.has_value());
  ASSERT_TRUE(back->http_extension.has_value());
  EXPECT_EQ(back->http_extension->verb, "NONE");
  EXPECT_FALSE(read<InvokeRequest>("")->http_extension.has_value());
}

}  // namespace
}  // namespace holdfast::codec::dapr
