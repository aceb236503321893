package queue

import (
	"os"
	"testing"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	os.Exit(storetest.Main(m))
}
