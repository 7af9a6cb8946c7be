// Package io is what functions send to egresses.
package io

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// EgressIdentifier is the id of an egress in a module.yaml, "namespace/type".
type EgressIdentifier struct {
	EgressNamespace string
	EgressType      string
}

func (e *EgressIdentifier) String() string { return e.EgressNamespace + "/" + e.EgressType }

// KafkaRecord is a record for statefun.kafka.io/generic-egress.
type KafkaRecord struct {
	Topic string
	Key   string        // Empty: none.
	Value proto.Message // The record's value is an Any that holds it, serialized, as the early SDK had it.
}

const kafkaRecordType = "type.googleapis.com/org.apache.flink.statefun.flink.io.KafkaProducerRecord"

// ToMessage makes of the record what an Output sends.
func (r *KafkaRecord) ToMessage() (proto.Message, error) {
	if r.Topic == "" {
		return nil, errors.New("a Kafka record without a topic")
	}
	if r.Value == nil {
		return nil, errors.New("a Kafka record without a value")
	}
	value, ok := r.Value.(*anypb.Any)
	if !ok {
		packed, err := anypb.New(r.Value)
		if err != nil {
			return nil, err
		}
		value = packed
	}
	bytes, err := proto.Marshal(value)
	if err != nil {
		return nil, err
	}
	// KafkaProducerRecord {1 key, 2 value_bytes, 3 topic}
	var record []byte
	if r.Key != "" {
		record = protowire.AppendTag(record, 1, protowire.BytesType)
		record = protowire.AppendString(record, r.Key)
	}
	record = protowire.AppendTag(record, 2, protowire.BytesType)
	record = protowire.AppendBytes(record, bytes)
	record = protowire.AppendTag(record, 3, protowire.BytesType)
	record = protowire.AppendString(record, r.Topic)
	return &anypb.Any{TypeUrl: kafkaRecordType, Value: record}, nil
}
