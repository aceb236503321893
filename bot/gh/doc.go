// Package gh is the App's view of GitHub: clients, events, error classes, the sticky comment, the check run, artifacts.
// It is the only importer of go-github and ghinstallation, and none of their types leaves it. Everything GitHub may
// leave out arrives here as a zero value.
//
// # Clients
//
// An [App] signs requests with the App's key; a [Client] acts in one installation with a token that it renews by itself,
// narrowed to what the App needs and those of its [Extras] that are of use in a token and were granted; what is granted is
// read with each token. A token that GitHub refuses (401) is renewed once and the request sent again. Each request has a
// time limit, each answer a size limit of 32 MiB, and no credentials ever go to a host other than the API's.
//
// # Lists
//
// Every list is read to its last page, entries that shift between pages are returned once, and a list ends at the latest
// after 100 pages, or at the limit its method names.
//
// # Errors
//
// Every error of a request is an [*Error]; [Classify] says what to do about it. Rate limits, primary and secondary, are
// never waited for: the call returns ClassRateLimited, and so do all others of that installation until the time GitHub
// named, without being sent. No message holds a token or the query of a URL.
package gh
