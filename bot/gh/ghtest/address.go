package ghtest

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
)

var addresses atomic.Uint32

// FreeAddress returns an address where an App under test can listen, also again after it was killed: WebhookURL has to be known
// before the App runs. On Linux, where all of 127.0.0.0/8 is this machine, each has an IP address of its own, so no connection
// and no listener elsewhere can take the port meanwhile. It panics if there is none.
func FreeAddress() string {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		pid := os.Getpid()
		host = fmt.Sprintf("127.%d.%d.%d", 1+pid>>8&0x7f, pid&0xff, 1+addresses.Add(1)%250)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}
