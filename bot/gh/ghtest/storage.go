package ghtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const storagePath = "/actions-results/"

// link returns the address that an artifact can be downloaded from for a while, by anybody and without credentials.
func (s *Server) link(a *artifact) string {
	expires := s.now().Add(s.o.LinkTTL).Unix()
	return fmt.Sprintf("%s%s%d/%s.zip?se=%d&sig=%s", s.o.StorageURL, storagePath, a.id, "artifact", expires, signature(a.id, expires))
}

func signature(id, expires int64) string {
	h := hmac.New(sha256.New, []byte("storage"))
	fmt.Fprintf(h, "%d %d", id, expires)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Storage is the handler of the host that artifacts are downloaded from: a blob store that knows signed addresses only,
// answers 400 to requests with credentials, understands Range, and never compresses.
func (s *Server) Storage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.withFaults(w, r, "storage", nil, func(w http.ResponseWriter, note func(int, string)) {
			s.serveBlob(noter{w, note}, r)
		})
	})
}

// noter notes the status before it is sent. ServeContent and blobFault always call WriteHeader.
type noter struct {
	http.ResponseWriter
	note func(int, string)
}

func (n noter) WriteHeader(status int) {
	n.note(status, "")
	n.ResponseWriter.WriteHeader(status)
}

func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.report("ghtest: credentials were sent to the storage host: %s %s", r.Method, r.URL.Path)
		blobFault(w, http.StatusBadRequest, "InvalidAuthenticationInfo", "Authentication information is not given in the correct format. Check the value of Authorization header.")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		blobFault(w, http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
		return
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, storagePath), "/")
	id, _ := strconv.ParseInt(number, 10, 64)
	expires, _ := strconv.ParseInt(r.URL.Query().Get("se"), 10, 64)
	s.mu.Lock()
	a, now := s.artifact(id), s.now()
	s.mu.Unlock()
	switch {
	case !hmac.Equal([]byte(r.URL.Query().Get("sig")), []byte(signature(id, expires))), now.Unix() >= expires:
		blobFault(w, http.StatusForbidden, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.")
		return
	case a == nil:
		blobFault(w, http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
		return
	}
	content, err := a.open()
	if err != nil {
		s.report("ghtest: artifact %s: %v", a.name, err)
		blobFault(w, http.StatusInternalServerError, "InternalError", "Server encountered an internal error.")
		return
	}
	defer closeIt(content)
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="artifact.zip"`)
	w.Header().Set("ETag", fmt.Sprintf(`"0x%X"`, a.id))
	w.Header().Set("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
	http.ServeContent(w, r, "", a.created, io.NewSectionReader(readerAt{content}, 0, length(content)))
}

// readerAt hides the methods of a file that would let net/http send it past the fault rules. It is used by one request.
type readerAt struct{ io.ReadSeeker }

func (r readerAt) ReadAt(b []byte, at int64) (int, error) {
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(r.ReadSeeker, b)
}

func length(r io.Seeker) int64 {
	n, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0
	}
	return n
}

func blobFault(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-error-code", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}
