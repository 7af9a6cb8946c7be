// Package protocol is the interim protocol on the wire: proto/statefun/request_reply_interim.proto of this repository.
package protocol

//go:generate protoc --proto_path=../../../../../../proto/statefun --go_out=. --go_opt=paths=source_relative --go_opt=Mrequest_reply_interim.proto=holdfast.example/legacy/statefun/internal/protocol request_reply_interim.proto
