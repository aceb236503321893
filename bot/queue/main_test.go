package queue

import (
	"os"
	"testing"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
