// Two clients of the CoreOS line: go-omaha's own, and Nebraska's updater, which
// stands on it.
module updateservice.dev/tests/e2e/peers/goomaha

go 1.26.0

require (
	github.com/kinvolk/go-omaha v0.0.2-0.20210913111157-799c84c6ec9e
	github.com/kinvolk/nebraska/updater v0.0.0-20220324162709-c5f72decb5ad
)

require (
	github.com/blang/semver/v4 v4.0.0 // indirect
	github.com/google/uuid v1.3.0 // indirect
)
