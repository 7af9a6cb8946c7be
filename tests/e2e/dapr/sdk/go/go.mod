module holdfast.dev/tests/dapr-client

go 1.19

require github.com/dapr/go-sdk v1.9.0
