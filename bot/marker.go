package bot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
)

// signer makes the hidden last line of our comments, which lets us find a comment again when the store was lost. It is
// signed: a comment of ours that was made for another pull request, or edited by somebody, is not taken for this one.
type signer []byte

// sign returns 128 bits over a text, in hexadecimal. Texts of different purposes begin differently.
func (s signer) sign(format string, args ...any) string {
	mac := hmac.New(sha256.New, s)
	fmt.Fprintf(mac, format, args...)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// marker returns the line for one pull request. Another header is another comment.
func (s signer) marker(repo gh.Repo, pull int, header string) string {
	if header != "" {
		header = "\n" + header
	}
	return fmt.Sprintf("<!-- oxidometer:v1 repo=%d pr=%d mac=%s -->", repo.ID, pull, s.sign("%d %d%s", repo.ID, pull, header))
}

// replyMarker returns the line that ends the answer to commands on one pull request.
func (s signer) replyMarker(repo gh.Repo, pull int) string {
	return fmt.Sprintf("<!-- oxidometer-reply:v1 repo=%d pr=%d mac=%s -->", repo.ID, pull, s.sign("reply %d %d", repo.ID, pull))
}

// worse is the same for the short comment that tells of a head over budget.
func (s signer) worse(repo gh.Repo, pull int, header, head string) string {
	mac := s.sign("worse %d %d %s\n%s", repo.ID, pull, head, header)
	return fmt.Sprintf("<!-- oxidometer:v1 repo=%d pr=%d worse=%.12s mac=%s -->", repo.ID, pull, head, mac)
}

// endsWith returns a test for bodies that end with a marker.
func endsWith(marker string) func(string) bool {
	return func(body string) bool { return strings.HasSuffix(strings.TrimSpace(body), marker) }
}

// historyKey is the unguessable name of a pull request's history page.
func (l *look) historyKey() string { return l.signer.historyKey(l.repo.ID, l.pr.Number) }

func (s signer) historyKey(repo int64, pull int) string {
	return fmt.Sprintf("%d-%d-%s", repo, pull, s.sign("history %d %d", repo, pull))
}

// History tells which pull request a history page is about; false for a name that we did not make.
func (b *Bot) History(key string) (repo int64, pull int, ok bool) {
	if n, _ := fmt.Sscanf(key, "%d-%d-", &repo, &pull); n != 2 {
		return 0, 0, false
	}
	return repo, pull, hmac.Equal([]byte(key), []byte(b.signer.historyKey(repo, pull)))
}
