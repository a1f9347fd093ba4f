package main

// chapter is a part of the navigation.
type chapter struct {
	Title string
	Pages []entry
}

// entry is a page: of a Markdown file, or one that is made here.
type entry struct {
	Source string // path in the repository; "" for pages that are made
	Title  string
	About  string // one sentence, for llm.txt
	Made   string // what makes it: "settings" or "api:<service>"
}

var services = []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"}

// contents is the site in the order of the navigation. Other files of docs/ are
// added as a chapter at its end.
var contents = []chapter{
	{"Start", []entry{
		{Source: "README.md", Title: "Overview", About: "What Monlight is, how to run it, and when not to."},
		{Source: "docs/getting-started.md", Title: "Getting started", About: "From nothing to the first error, log line and chart."},
		{Source: "docs/screens.md", Title: "Screens", About: "Pictures of the pages of each service."},
		{Source: "docs/migration.md", Title: "From the first Monlight", About: "What users of the original (Zig) services have to know."},
	}},
	{"Services", []entry{
		{Source: "docs/errors.md", Title: "Errors", About: "Searching, resolving and assigning issues."},
		{Source: "docs/search.md", Title: "Searching issues", About: "The language of searches for issues."},
		{Source: "docs/grouping.md", Title: "Grouping", About: "Why reports are one issue."},
		{Source: "docs/alerts.md", Title: "Alerts", About: "Who is told of errors, by mail and webhook, and how to check a signature."},
		{Source: "docs/logs.md", Title: "Logs", About: "How the log viewer keeps and finds lines."},
		{Source: "docs/log-sources.md", Title: "Log sources", About: "Containers, HTTP, and what else sends lines."},
		{Source: "docs/metrics.md", Title: "Metrics", About: "How the metrics collector keeps and answers."},
		{Source: "docs/source-maps.md", Title: "Source maps", About: "Stacks of minified scripts with their sources."},
	}},
	{"SDKs", []entry{
		{Source: "docs/sdk-python.md", Title: "Python client", About: "Errors and metrics of Python programs."},
		{Source: "docs/sdk-browser.md", Title: "Browser SDK", About: "Errors, Web Vitals and metrics of web pages."},
		{Source: "docs/sdks.md", Title: "Sentry's SDKs", About: "Official Sentry SDKs that report here unchanged."},
	}},
	{"Operations", []entry{
		{Source: "docs/deployment.md", Title: "Deployment", About: "Containers, systemd, TLS, backup, restore, upgrade."},
		{Source: "docs/operations.md", Title: "Operations", About: "Limits, mail, status, what a 2xx means."},
		{Title: "Configuration", Made: "settings", About: "Every setting of every service, as the programs print them."},
		{Source: "SECURITY.md", Title: "Security", About: "How to report a weakness, and what is promised."},
	}},
	{"API", []entry{
		{Source: "docs/api/error-tracker.md", Title: "Errors API", About: "Reports, issues, projects."},
		{Made: "api:error-tracker", Title: "Errors API: reference", About: "Every route with its parameters, answers and their members, from the OpenAPI document."},
		{Source: "docs/api/log-viewer.md", Title: "Logs API", About: "Lines, search, live stream."},
		{Made: "api:log-viewer", Title: "Logs API: reference", About: "Every route with its parameters, answers and their members, from the OpenAPI document."},
		{Source: "docs/api/metrics-collector.md", Title: "Metrics API", About: "Points, queries, dashboards."},
		{Made: "api:metrics-collector", Title: "Metrics API: reference", About: "Every route with its parameters, answers and their members, from the OpenAPI document."},
		{Source: "docs/api/browser-relay.md", Title: "Browser relay API", About: "The doors of web pages, keys, source maps."},
		{Made: "api:browser-relay", Title: "Browser relay API: reference", About: "Every route with its parameters, answers and their members, from the OpenAPI document."},
	}},
	{"Inside", []entry{
		{Source: "docs/architecture.md", Title: "Architecture", About: "The parts and how a report goes through them."},
		{Source: "docs/benchmarks.md", Title: "Benchmarks", About: "Measured figures, with how to repeat them."},
		{Source: "docs/reliability.md", Title: "Reliability", About: "What is promised, and what each promise was tested with."},
		{Source: "docs/threat-model.md", Title: "Threat model", About: "Who could attack what, and what stands against it."},
		{Source: "CONTRIBUTING.md", Title: "Contributing", About: "How to work on it."},
		{Source: "CHANGELOG.md", Title: "Changes", About: "What is new, for whoever runs it."},
	}},
}

// out is the page's address from the root of the site.
func (e entry) out() string {
	switch {
	case e.Source == "README.md":
		return "index.html"
	case e.Made == "settings":
		return "configuration.html"
	case e.Made != "":
		return "api/" + e.Made[len("api:"):] + "-reference.html"
	}
	return htmlPath(e.Source)
}
