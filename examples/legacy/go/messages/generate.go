// Package messages is what the functions say.
package messages

//go:generate protoc --go_out=. --go_opt=paths=source_relative messages.proto
