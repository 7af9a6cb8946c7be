// Kinesis in and out: checked, though there is no client for it yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kKinesisEgress;
using testing::kKinesisIngress;
using testing::lines;
using testing::load_text;
using testing::problems_of;

TEST(Kinesis, TakesEveryKeyOfBothKinds) {
  const LoadResult result = load_text(R"(kind: io.statefun.kinesis.v1/ingress
spec:
  id: com.example/clicks
  awsRegion:
    type: custom-endpoint
    endpoint: https://localhost:4567
    id: us-west-1
  awsCredentials:
    type: profile
    profileName: john-doe
    profilePath: /home/john/.aws/credentials
  startupPosition:
    type: date
    date: 2020-02-01 04:15:00.000 +0000
  streams:
    - stream: stream-1
      valueType: com.example/Click
      targets: [com.example/user]
    - stream: stream-2
      valueType: com.example/Click
      targets: [com.example/user, com.example/page]
  clientConfigProperties:
    - SocketTimeout: 9999
    - MaxConnections: 15
---
kind: io.statefun.kinesis.v1/egress
spec:
  id: com.example/out
  awsRegion: {type: specific, id: us-west-2}
  awsCredentials: {type: basic, accessKeyId: abc, secretAccessKey: def}
  maxOutstandingRecords: 9999
  clientConfigProperties: [{ThreadingModel: POOLED}]
---
kind: io.statefun.kinesis.v1/egress
spec: {id: com.example/defaults, awsRegion: {type: default}, awsCredentials: {type: default}}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: com.example/*, urlPathTemplate: http://h}
)");
  EXPECT_THAT(lines(result), IsEmpty());
  const auto& all = result.configuration.kinesis;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].id, "com.example/clicks");
  EXPECT_TRUE(all[0].is_ingress);
  EXPECT_EQ(all[0].place, "m.yaml:3:3");
  EXPECT_EQ(all[1].id, "com.example/out");
  EXPECT_FALSE(all[1].is_ingress);
  EXPECT_EQ(all[1].place, "m.yaml:28:3");
}

TEST(Kinesis, NamesWhatIsWrong) {
  EXPECT_THAT(
      problems_of(
          kKinesisIngress,
          "id: a/i\nawsRegion: {type: custom-endpoint, endpoint: localhost}\nawsCredentials: {type: basic}\n"
          "startupPosition: {type: group-offsets}\nstreams: []\nclientConfigProperties: x"),
      ElementsAre(
          "m.yaml:4:14: spec.awsRegion.id: expected the id of a region, as us-west-2, got nothing",
          "m.yaml:4:48: spec.awsRegion.endpoint: expected a URL as https://host:port, got \"localhost\" (the "
          "scheme is missing)",
          "m.yaml:5:19: spec.awsCredentials.accessKeyId: expected the id of an access key, got nothing",
          "m.yaml:5:19: spec.awsCredentials.secretAccessKey: expected a secret access key, got nothing",
          "m.yaml:6:27: spec.startupPosition.type: expected latest, earliest or date, got \"group-offsets\"",
          "m.yaml:7:12: spec.streams: expected a list of at least one stream, got an empty list",
          "m.yaml:8:27: spec.clientConfigProperties: expected a list of name: value, got \"x\""));
  EXPECT_THAT(
      problems_of(kKinesisEgress, "id: a/o\nawsRegion: us-west-2\nmaxOutstandingRecords: 0\nstream: x"),
      ElementsAre(
          "m.yaml:4:14: spec.awsRegion: expected a map, got \"us-west-2\"",
          "m.yaml:5:26: spec.maxOutstandingRecords: expected an integer from 1 to 2147483647, got \"0\"",
          "m.yaml:6:3: warning: spec.stream: expected a known key, got \"stream\" (it is ignored; known "
          "here: "
          "id, awsRegion, awsCredentials, clientConfigProperties, maxOutstandingRecords)"));
}

}  // namespace
}  // namespace holdfast::config
