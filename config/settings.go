package config

import (
	"path/filepath"
	"strings"
)

// settingsFile is a file of settings: one key for each setting of Server, named like its flag. Numbers are left to the
// command line, which knows them better.
type settingsFile struct {
	Listen        string   `yaml:"listen"`
	AppID         string   `yaml:"app-id"`
	PrivateKey    string   `yaml:"private-key"`
	WebhookSecret []string `yaml:"webhook-secret"`
	GitHubURL     string   `yaml:"github-url"`
	Database      string   `yaml:"database"`
	PublicURL     string   `yaml:"public-url"`
	LogLevel      string   `yaml:"log-level" enum:"debug,info,warning,error"`
	LogFormat     string   `yaml:"log-format" enum:"text,json"`
	RequireConfig bool     `yaml:"require-config"`
	Workers       string   `yaml:"workers"`
}

// ParseSettings reads a file of settings for `oxidometer serve` and returns what it gives, by the name of the flag. Files
// that it names are relative to its own folder, so a folder with settings, key and secret can be moved as a whole. The
// error, if any, is a Faults with everything that is wrong with the file.
func ParseSettings(name string, data []byte) (map[string][]string, error) {
	var f settingsFile
	d := newDecoder(name)
	d.decode(data, &f)
	if len(d.faults) > 0 {
		return nil, d.sorted(d.faults)
	}
	beside := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(name), path)
	}
	f.PrivateKey = beside(f.PrivateKey)
	if file, ok := strings.CutPrefix(f.Database, "sqlite:"); ok {
		f.Database = "sqlite:" + beside(file)
	}
	for i, secret := range f.WebhookSecret {
		if file, ok := strings.CutPrefix(secret, "@"); ok {
			f.WebhookSecret[i] = "@" + beside(file)
		}
	}
	out := map[string][]string{}
	for flag, value := range map[string]string{
		"listen": f.Listen, "app-id": f.AppID, "private-key": f.PrivateKey, "github-url": f.GitHubURL, "database": f.Database,
		"public-url": f.PublicURL, "log-level": f.LogLevel, "log-format": f.LogFormat, "workers": f.Workers,
	} {
		if value != "" {
			out[flag] = []string{value}
		}
	}
	if len(f.WebhookSecret) > 0 {
		out["webhook-secret"] = f.WebhookSecret
	}
	if f.RequireConfig {
		out["require-config"] = []string{"true"}
	}
	return out, nil
}
