package grouping

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// inApp tells whether a frame is the program's own code. What the SDK said is
// believed, unless the path shows that it is a library. Without a word from
// the SDK everything is that no rule knows as a library.
func inApp(f *event.Frame, platform string) bool {
	if f.InApp != nil {
		return *f.InApp && !hasLibraryPath(f, platform)
	}
	return !isLibrary(f, platform)
}

// isLibrary tells whether a rule knows the frame as code of a library.
func isLibrary(f *event.Frame, platform string) bool {
	return hasLibraryPath(f, platform) || isLibraryModule(f, platform)
}

func hasLibraryPath(f *event.Frame, platform string) bool {
	return isLibraryPath(f.AbsPath, platform) || f.Filename != f.AbsPath && isLibraryPath(f.Filename, platform)
}

// isLibraryPath tells paths that package managers, language installations and
// operating systems put code into.
func isLibraryPath(path, platform string) bool {
	if path == "" {
		return false
	}
	if path[0] == '<' && (strings.HasPrefix(path, "<frozen ") || strings.HasPrefix(path, "<internal:")) || path == "[internal function]" {
		return true
	}
	if i := strings.Index(path, "<frozen "); i > 0 && path[i-1] == '/' { // made absolute by the SDK
		return true
	}
	for _, prefix := range libraryPrefixes {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	script := platform == "javascript" || platform == "node"
	if script && isForeignScript(path) {
		return true
	}
	previous := ""
	for rest := path; ; {
		i := strings.IndexAny(rest, `/\`)
		if i < 0 {
			return false // the file itself
		}
		segment := rest[:i]
		rest = rest[i+1:]
		switch segment {
		case "site-packages", "dist-packages", "node_modules", "bower_components", "vendor", "rubygems", ".cargo", "rustc":
			return true
		case "mod":
			if previous == "pkg" { // Go's module cache
				return true
			}
		case "ruby":
			if previous == "lib" {
				return true
			}
		case "Lib", "lib":
			if strings.HasPrefix(previous, "Python") { // C:\Python311\Lib
				return true
			}
		}
		switch {
		case previous == "gems" && isGem(segment), previous == "lib" && strings.HasPrefix(segment, "python") && platform != "javascript":
			return true
		case strings.Contains(segment, "@v") && platform == "go":
			return true
		}
		previous = segment
	}
}

var libraryPrefixes = []string{
	"/usr/lib/", "/usr/local/lib/", "/usr/share/", "/usr/local/go/src/", "/usr/lib64/", "/rustc/", "/System/Library/", "/Library/Frameworks/",
	"/System/iOSSupport/", "/system/", "/apex/", "/lib/", "/lib64/", "/vendor/lib", "phar://", `C:\Windows\`, `C:\WINDOWS\`, `c:\windows\`,
	"node:", "internal/", "native:", "webpack/bootstrap", "webpack/runtime", "/var/runtime/", "/var/lang/", "/opt/python/lib",
}

// isGem tells a directory of a Ruby library: its name and version.
func isGem(s string) bool {
	i := strings.LastIndexByte(s, '-')
	return i > 0 && i+1 < len(s) && (isDigit(s[i+1]) || isHexID(s[i+1:], 7))
}

// foreignHosts are sites that serve other people's scripts.
var foreignHosts = map[string]bool{
	"ajax.googleapis.com": true, "cdnjs.cloudflare.com": true, "cdn.jsdelivr.net": true, "unpkg.com": true, "code.jquery.com": true,
	"maxcdn.bootstrapcdn.com": true, "stackpath.bootstrapcdn.com": true, "www.googletagmanager.com": true, "www.google-analytics.com": true,
	"ssl.google-analytics.com": true, "pagead2.googlesyndication.com": true, "maps.googleapis.com": true, "www.gstatic.com": true,
	"apis.google.com": true, "connect.facebook.net": true, "js.stripe.com": true, "browser.sentry-cdn.com": true, "js.sentry-cdn.com": true,
	"esm.sh": true, "cdn.skypack.dev": true, "polyfill.io": true, "cdn.polyfill.io": true, "static.cloudflareinsights.com": true,
	"widget.intercom.io": true, "js.intercomcdn.com": true, "static.hotjar.com": true, "script.hotjar.com": true, "cdn.segment.com": true,
	"js.hs-scripts.com": true, "snap.licdn.com": true, "platform.twitter.com": true, "static.zdassets.com": true, "www.paypal.com": true,
	"www.paypalobjects.com": true, "cdn.onesignal.com": true, "www.recaptcha.net": true, "js.pusher.com": true, "cdn.ravenjs.com": true,
}

// coreScripts are the modules of old versions of Node, which have no prefix.
var coreScripts = map[string]bool{
	"events.js": true, "module.js": true, "net.js": true, "fs.js": true, "timers.js": true, "_http_server.js": true, "_http_client.js": true,
	"_http_common.js": true, "_http_incoming.js": true, "_http_outgoing.js": true, "_stream_readable.js": true, "_stream_writable.js": true,
	"_stream_transform.js": true, "_stream_duplex.js": true, "_tls_wrap.js": true, "child_process.js": true, "domain.js": true, "vm.js": true,
	"bootstrap_node.js": true, "node.js": true, "dns.js": true, "assert.js": true, "zlib.js": true, "buffer.js": true, "url.js": true,
}

// isForeignScript tells scripts of extensions, of sites that serve libraries,
// and bundles that hold nothing but libraries.
func isForeignScript(path string) bool {
	if i := strings.Index(path, "://"); i > 0 && i < 32 {
		switch path[:i] {
		case "chrome-extension", "moz-extension", "safari-extension", "safari-web-extension", "ms-browser-extension", "webkit-masked-url", "chrome", "resource":
			return true
		}
		host, _, _ := strings.Cut(path[i+3:], "/")
		if foreignHosts[host] {
			return true
		}
		if path[:i] == "webpack" && strings.HasSuffix(path, "/webpack/bootstrap") {
			return true
		}
	} else if coreScripts[path] {
		return true
	}
	file := path[strings.LastIndexAny(path, `/\`)+1:]
	file, _, _ = strings.Cut(file, "?")
	for _, bundle := range []string{"vendor", "chunk-vendor", "npm.", "npm~", "polyfill", "framework-", "react-dom.", "react.production", "jquery", "angular.min", "runtime~", "webpack-runtime"} {
		if strings.HasPrefix(file, bundle) {
			rest := file[len(bundle):]
			// "vendors~main.js", "vendor-9f1c2b3a.js", not "vendorlist.js"
			if strings.HasSuffix(bundle, ".") || strings.HasSuffix(bundle, "-") || strings.HasSuffix(bundle, "~") || rest == "" || !isLetter(rest[0]) || rest[0] == 's' && (len(rest) == 1 || !isLetter(rest[1])) {
				return true
			}
		}
	}
	return false
}

// isLibraryModule tells modules of standard libraries and of the frameworks
// that most programs of a platform use.
func isLibraryModule(f *event.Frame, platform string) bool {
	switch platform {
	case "java":
		return hasAnyPrefix(f.Module, javaLibraries)
	case "csharp":
		return hasAnyPrefix(f.Module, sharpLibraries) || strings.HasPrefix(f.Function, "lambda_method") // a compiled expression
	case "go":
		return isGoStandard(f.Module)
	case "php":
		return f.Filename == "" && f.AbsPath == "" // built in
	case "native", "cocoa", "objc", "swift", "c", "rust":
		return isSystemPackage(f.Package) || isNativeRuntime(f.Function)
	case "python":
		root, _, _ := strings.Cut(f.Module, ".")
		return pythonLibraries[root]
	}
	return false
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

var javaLibraries = []string{
	"java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.", "clojure.", "org.codehaus.groovy.",
	"org.springframework.", "org.apache.", "org.hibernate.", "org.eclipse.", "org.jboss.", "org.wildfly.", "org.glassfish.", "org.slf4j.",
	"org.junit.", "junit.", "org.testng.", "org.mockito.", "org.postgresql.", "org.mariadb.", "org.h2.", "org.mongodb.", "org.jooq.",
	"org.thymeleaf.", "org.quartz.", "org.aspectj.", "org.xnio.", "org.redisson.", "org.elasticsearch.", "org.flywaydb.", "org.gradle.",
	"com.mysql.", "com.mongodb.", "com.zaxxer.", "com.fasterxml.", "com.google.", "com.amazonaws.", "com.netflix.", "com.datastax.",
	"com.rabbitmq.", "com.squareup.", "com.android.", "com.microsoft.sqlserver.", "com.sun.proxy.", "com.intellij.", "com.facebook.react.",
	"io.netty.", "io.undertow.", "io.micronaut.", "io.quarkus.", "io.vertx.", "io.reactivex.", "io.ktor.", "io.lettuce.", "io.grpc.",
	"io.sentry.S", "io.sentry.spring.", "io.sentry.servlet.", "io.sentry.util.", "io.sentry.android.", "io.opentelemetry.", "io.micrometer.", "io.smallrye.", "io.projectreactor.", "io.jsonwebtoken.", "io.swagger.",
	"reactor.", "akka.", "play.", "cats.", "zio.", "rx.", "okhttp3.", "okio.", "retrofit2.", "feign.", "redis.clients.", "ch.qos.logback.",
	"net.bytebuddy.", "net.sf.", "oracle.", "freemarker.", "antlr.", "groovyjarjar", "dagger.", "lombok.",
	"android.", "androidx.", "dalvik.", "libcore.", "software.amazon.", "freemarker.", "liquibase.", "jdk.proxy",
}

var sharpLibraries = []string{
	"System.", "Microsoft.", "MS.", "Windows.", "Mono.", "Npgsql.", "MySql.", "MySqlConnector.", "Oracle.", "MongoDB.", "StackExchange.", "Newtonsoft.",
	"Dapper.", "MediatR.", "AutoMapper.", "FluentValidation.", "Autofac.", "Castle.", "Serilog.", "NLog.", "log4net.", "Hangfire.", "Quartz.", "Polly.",
	"Grpc.", "Google.", "Amazon.", "Azure.", "RabbitMQ.", "MassTransit.", "Swashbuckle.", "NHibernate.", "IdentityServer4.", "Duende.", "Refit.",
	"Sentry.", "Xunit.", "NUnit.", "UnityEngine.", "UnityEditor.", "Elasticsearch.", "Nest.", "RestSharp.", "Kestrel.", "Orleans.", "Umbraco.",
	"Interop.", "Internal.",
}

// pythonLibraries are found without a path, which only happens to modules.
var pythonLibraries = map[string]bool{
	"django": true, "flask": true, "werkzeug": true, "jinja2": true, "starlette": true, "fastapi": true, "uvicorn": true, "gunicorn": true,
	"celery": true, "kombu": true, "sqlalchemy": true, "requests": true, "urllib3": true, "httpx": true, "httpcore": true, "anyio": true,
	"asyncio": true, "concurrent": true, "threading": true, "importlib": true, "json": true, "pydantic": true, "psycopg2": true, "psycopg": true,
	"rest_framework": true, "aiohttp": true, "tornado": true, "twisted": true, "boto3": true, "botocore": true, "redis": true, "runpy": true,
	"socket": true, "ssl": true, "subprocess": true, "unittest": true, "pytest": true, "_pytest": true, "sentry_sdk": true, "monlight": true,
}

// isGoStandard tells packages of Go's standard library, whose paths have no
// dot in the first part.
func isGoStandard(module string) bool {
	root, _, _ := strings.Cut(module, "/")
	switch root {
	case "archive", "bufio", "builtin", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed", "encoding",
		"errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter", "log", "maps", "math", "mime", "net",
		"os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort", "strconv", "strings", "structs", "sync", "syscall", "testing",
		"text", "time", "unicode", "unique", "unsafe", "weak":
		return true
	}
	return false
}

// isSystemPackage tells binaries of an operating system by their name.
func isSystemPackage(s string) bool {
	if s == "" {
		return false
	}
	name := s[strings.LastIndexAny(s, `/\`)+1:]
	if strings.HasPrefix(name, "libsystem_") || strings.HasPrefix(name, "libobjc") || strings.HasPrefix(name, "libdispatch") || strings.HasPrefix(name, "libdyld") ||
		strings.HasPrefix(name, "libc++") || strings.HasPrefix(name, "libc.") || strings.HasPrefix(name, "libc-") || strings.HasPrefix(name, "libart.") ||
		strings.HasPrefix(name, "libswift") || strings.HasPrefix(name, "libpthread") || strings.HasPrefix(name, "libstdc++") || strings.HasPrefix(name, "ld-linux") {
		return true
	}
	if isLibraryPath(s, "native") {
		return true
	}
	switch strings.ToLower(name) {
	case "ntdll.dll", "kernel32.dll", "kernelbase.dll", "user32.dll", "ucrtbase.dll", "msvcrt.dll", "vcruntime140.dll",
		"uikitcore", "uikit", "foundation", "corefoundation", "coreautolayout", "quartzcore", "graphicsservices", "swiftui", "attributegraph",
		"appkit", "hitoolbox", "cfnetwork", "coredata", "libicucore.a.dylib", "dyld", "dyld_sim", "linker", "linker64", "app_process", "app_process32", "app_process64":
		return true
	}
	return strings.HasPrefix(s, "/data/dalvik-cache/")
}

// isNativeRuntime tells functions of the run times of C++, Rust and Swift.
func isNativeRuntime(function string) bool {
	function = strings.TrimPrefix(function, "<")
	for _, prefix := range []string{"std::", "core::", "alloc::", "boost::", "__gnu_cxx::", "__cxx", "__rust_", "rust_begin_unwind", "rust_panic", "backtrace::", "swift_", "objc_", "_objc_"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	switch function {
	case "malloc", "free", "memcpy", "memset", "memmove", "strlen":
		return true
	}
	return false
}
